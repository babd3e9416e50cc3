#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Tests of dev/suites.sh, which runs suites and adds up their counts.
# shellcheck source=dev/lib.sh
source "${BASH_SOURCE[0]%/*}/../lib.sh"
# shellcheck source=dev/tests/results.sh
source "$ROOT/dev/tests/results.sh"
# shellcheck source=dev/suites.sh
source "$ROOT/dev/suites.sh"

# expect counts at the end of a pipe.
shopt -s lastpipe
make_temp suites
BUILD=$TEMP

# A suite: it says its counts, and ends with STATUS.
cat >"$TEMP/suite" <<-'END'
	#!/bin/sh
	echo "the suite of $1"
	[ "$1" = "''" ] || echo "$1 passed, $2 failed, 0 skipped"
	exit "$3"
END
chmod +x "$TEMP/suite"

# expect NAME STATUS LINE [SUITE]...: run the suites of the table in standard input;
# run_suites must return STATUS and say LINE.
expect() {
	local name=$1 status=$2 line=$3 rc=0 good=1
	shift 3

	mkdir -p "$BUILD/log"
	(ROOT=$TEMP run_suites "$@") >"$TEMP/said" 2>&1 || rc=$?
	if [[ $rc != "$status" ]] || ! grep -qxF -- "$line" "$TEMP/said"; then
		good=0
	fi
	echo "status $rc" >>"$TEMP/said"
	result "$name" "$good"
}

table() {
	printf '%s\n' "first ./suite ${1:-1 0 0}" "second ./suite ${2:-2 0 0}"
}

# The same, the first one beside the second one
beside() {
	table "$@" | sed 's/^first/first\&/'
}

table | expect "the sum of all" 0 "3 passed, 0 failed, 0 skipped"
table | expect "one of them" 0 "2 passed, 0 failed, 0 skipped" second
table | expect "what a suite says is shown" 0 "the suite of 1"
table "1 1 1" | expect "a failure" 1 "3 passed, 1 failed, 0 skipped"
table "1 1 1" | expect "the next one runs after a failure" 1 "the suite of 2"
table "1 0 3" | expect "a bad end" 1 "3 passed, 1 failed, 0 skipped"
table "'' 0 0" | expect "a suite that says nothing" 1 "  FAILED first: no test ran"
table "0 0 0" | expect "no test ran" 1 "  FAILED first: no test ran"
beside "1 0 0" | expect "one beside the other" 0 "3 passed, 0 failed, 0 skipped"
beside "1 1 0" | expect "a failure of that one" 1 "3 passed, 1 failed, 0 skipped"
beside "1 0 3" | expect "its bad end" 1 "3 passed, 1 failed, 0 skipped"
beside | expect "what it says is shown" 0 "the suite of 1"
beside | expect "it alone" 0 "1 passed, 0 failed, 0 skipped" first

printf '%s\n' "a& ./low 1 0 0" >"$TEMP/table"
cat >"$TEMP/low" <<-'END'
	#!/bin/sh
	echo "nice $(nice) $(sed 's/.*nice/session/' /proc/self/autogroup 2>/dev/null || echo session 19)"
	echo "1 passed, 0 failed, 0 skipped"
END
chmod +x "$TEMP/low"
expect "it has a low priority, and so has its session" 0 "nice 19 session 19" <"$TEMP/table"

# The second one goes on once the first one has waited for it.
cat >"$TEMP/turns" <<-'END'
	#!/bin/sh
	echo "$1 begins"
	mkfifo "$2" 2>/dev/null
	if [ "$1" = a ]; then read -r word <"$2"; else echo word >"$2"; fi
	echo "1 passed, 0 failed, 0 skipped"
END
chmod +x "$TEMP/turns"
printf '%s\n' "a& timeout 20 ./turns a pipe" "b timeout 20 ./turns b pipe" wait "c ./suite 1 0 0" |
	expect "at the same time" 0 "3 passed, 0 failed, 0 skipped"
good=1
[[ $(grep -oE '^(a begins|== c)' "$TEMP/said" | paste -sd ,) = 'a begins,== c' ]] || good=0
result "the next one waits for it" "$good"

# It ends with the script.
cat >"$TEMP/ended" <<-'END'
	source "$1/dev/lib.sh"
	source "$1/dev/suites.sh"
	ROOT=$2
	printf '%s\n' "a& sleep 61.25" "b ./suite 1 0 0" | run_suites
END
good=1
timeout 2 bash "$TEMP/ended" "$ROOT" "$TEMP" >"$TEMP/said" 2>&1 || true
sleep 0.5
! pgrep -f 'sleep 61[.]25' >>"$TEMP/said" || good=0
grep -q '^1 passed' "$TEMP/said" || good=0
result "it ends when the suites are ended" "$good"

table | expect "an unknown suite" 1 "${0##*/}: error: no suite third; there are: first second" third

results_end
