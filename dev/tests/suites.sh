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

# A suite: it takes SECONDS, says its counts, and ends with STATUS.
cat >"$TEMP/suite" <<-'END'
	#!/bin/sh
	sleep "$1"
	echo "the suite of $2"
	[ -z "$2" ] || echo "$2 passed, $3 failed, 0 skipped"
	exit "$4"
END
chmod +x "$TEMP/suite"

# expect NAME STATUS LINE [SUITE]...: run the suites of the table in standard input;
# run_suites must return STATUS and say LINE.
expect() {
	local name=$1 status=$2 line=$3 rc=0 good=1
	shift 3

	mkdir -p "$BUILD/log"
	(ROOT=$TEMP && run_suites "$@") >"$TEMP/said" 2>&1 || rc=$?
	if [[ $rc != "$status" ]] || ! grep -qxF -- "$line" "$TEMP/said"; then
		good=0
	fi
	echo "status $rc" >>"$TEMP/said"
	result "$name" "$good"
}

table() {
	printf '%s\n' "slow beside ./suite ${1:-1 5 0 0}" "first ./suite ${2:-0 1 0 0}" \
		"second ./suite ${3:-0 2 0 0}"
}

table | expect "the sum of all" 0 "8 passed, 0 failed, 0 skipped"
table | expect "some of them" 0 "3 passed, 0 failed, 0 skipped" first second
table | expect "the one beside, alone" 0 "5 passed, 0 failed, 0 skipped" slow
table "1 5 0 0" "2 1 0 0" | expect "what ran beside is shown" 0 "the suite of 5"
table "1 5 0 0" "0 1 1 1" | expect "a failure" 1 "8 passed, 1 failed, 0 skipped"
table "1 5 1 1" | expect "a failure beside" 1 "8 passed, 1 failed, 0 skipped"
table "1 5 0 3" | expect "a bad end beside" 1 "8 passed, 1 failed, 0 skipped"
table "1 5 0 0" "0 1 0 3" | expect "a bad end" 1 "8 passed, 1 failed, 0 skipped"
table "1 '' 0 0" | expect "no test ran beside" 1 "  FAILED slow: no test ran"
table "1 5 0 0" "0 0 0 0" | expect "no test ran" 1 "  FAILED first: no test ran"
table | expect "an unknown suite" 1 "${0##*/}: error: no suite third; there are: slow first second" third

# Beside the others, and not before or after them.
start=$SECONDS
table "3 5 0 0" "3 1 0 0" | expect "both at a time" 0 "8 passed, 0 failed, 0 skipped"
echo "$((SECONDS - start)) s" >"$TEMP/said"
result "in the time of one" "$((SECONDS - start < 6))"

results_end
