# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What every script under dev/ shares: where things are, how to say what is
# going on, how to keep a full log, and how to stop with one clear line.
#
# Use:  source "${BASH_SOURCE[0]%/*}/lib.sh"
#
# Environment: BUILD moves everything that is built, BASE names another
# unpatched kernel source, JOBS limits parallel jobs.

set -euo pipefail

ROOT=$(cd -- "${BASH_SOURCE[0]%/*}/.." && pwd -P)
BUILD=${BUILD:-$ROOT/build}
JOBS=${JOBS:-$(nproc)}
KERNEL_SERIES=6.12
SOURCE_PACKAGE=linux-source-$KERNEL_SERIES
BASE=${BASE:-$BUILD/base/$SOURCE_PACKAGE}
VERB=${0##*/}
LOG=

export ROOT BUILD BASE JOBS

# say TEXT...: one line of progress.
say() {
	printf '%s\n' "$*"
	if [[ -n $LOG ]]; then
		printf '%s\n' "$*" >>"$LOG"
	fi
}

# warn TEXT...: something the user should know, but can go on with.
warn() {
	say "$VERB: note: $*" >&2
}

# die TEXT...: stop with one clear line, which names the log if there is one.
die() {
	say "$VERB: error: $*${LOG:+ (log: ${LOG#"$ROOT"/})}" >&2
	exit 1
}

# log_start NAME: from here on say, run and die use build/log/NAME.log.
log_start() {
	mkdir -p "$BUILD/log"
	LOG=$BUILD/log/$1.log
	printf 'log of dev/%s, %s\n' "$VERB" "$(date -u '+%F %T UTC')" >"$LOG"
}

# log_tick WHAT START: while WHAT takes long, say how long and how far it is.
# Ends with the script it belongs to, however that one ends.
log_tick() {
	local last

	trap 'kill "$!" 2>/dev/null; exit 0' TERM
	[[ -z ${LOCK_FD:-} ]] || exec {LOCK_FD}>&-
	while kill -0 $$ 2>/dev/null; do
		sleep 30 >/dev/null 2>&1 &
		wait $!
		last=$(tail -c 400 "$LOG" | tr '\r' '\n' | grep -v '^[[:space:]]*$' |
		       tail -n 1 | cut -c 1-60) || true
		printf '  %s: %d s so far; now: %s\n' "$1" $((SECONDS - $2)) "$last"
	done
}

# try WHAT COMMAND...: run COMMAND with all its output in the log, and show
# every 30 seconds how far it is. Returns what COMMAND returns.
try() {
	local what=$1 ticker rc=0
	shift

	[[ -n $LOG ]] || log_start "$VERB"
	printf '+ %s\n' "$*" >>"$LOG"
	log_tick "$what" $SECONDS &
	ticker=$!
	"$@" >>"$LOG" 2>&1 </dev/null || rc=$?
	kill "$ticker" 2>/dev/null || true
	wait "$ticker" 2>/dev/null || true
	return "$rc"
}

# run WHAT COMMAND...: say WHAT, then try it; stop when it fails.
run() {
	say "$1"
	try "$@" || die "$1: failed"
}

# lock NAME: one at a time; waits for another verb that works on the same.
lock() {
	mkdir -p "$BUILD"
	exec {LOCK_FD}>"$BUILD/.lock-$1"
	if ! flock -n "$LOCK_FD"; then
		say "waiting for another verb that uses build/ ($1)"
		flock "$LOCK_FD"
	fi
}

# with_lock NAME COMMAND...: hold the lock for this command only.
with_lock() (
	lock "$1"
	shift
	"$@"
)

# make_temp NAME: a folder of its own under build/, gone when the script ends.
# Sets TEMP (one per script).
make_temp() {
	mkdir -p "$BUILD"
	TEMP=$(mktemp -d "$BUILD/$1.XXXXXX")
	trap 'rm -rf -- "$TEMP"' EXIT
}

# need_root WHY: packages and some guests need it.
need_root() {
	[[ $EUID -eq 0 ]] || die "$1 needs root"
}

# kernel_version DIR: what the tree says it is; nothing if it is no kernel tree.
kernel_version() {
	[[ -f $1/Makefile && -f $1/Kbuild ]] || return 0
	awk -F ' *= *' '
		$1 == "VERSION" || $1 == "PATCHLEVEL" || $1 == "SUBLEVEL" { v[$1] = $2 }
		NR > 6 { exit }
		END { print v["VERSION"] "." v["PATCHLEVEL"] "." v["SUBLEVEL"] }' "$1/Makefile"
}

# series_sources: the C files that the series adds to the kernel, without tests.
series_sources() {
	sed -n 's/^new-file: \(security\/.*\.c\)$/\1/p' "$ROOT"/patches/*.patch | grep -v '_test\.c$'
}
