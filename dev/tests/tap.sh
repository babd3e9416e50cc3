#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Tests of dev/tap, which counts the results of KUnit and of the kselftests.
# shellcheck source=dev/lib.sh
source "${BASH_SOURCE[0]%/*}/../lib.sh"
# shellcheck source=dev/tests/results.sh
source "$ROOT/dev/tests/results.sh"

# expect counts at the end of a pipe.
shopt -s lastpipe
make_temp tap

# expect NAME STATUS LAST-LINE [ARGUMENTS...]: dev/tap on standard input must
# return STATUS and end with LAST-LINE.
expect() {
	local name=$1 status=$2 last=$3 rc=0 good=1
	shift 3
	"$ROOT/dev/tap" "$@" /dev/stdin >"$TEMP/said" 2>&1 || rc=$?
	if [[ $rc != "$status" || $(tail -n 1 "$TEMP/said") != "$last" ]]; then
		good=0
	fi
	echo "status $rc" >>"$TEMP/said"
	result "$name" "$good"
}

# A KUnit run of one suite with a plain case, one with parameters, and a third.
kunit() {
	cat <<-'END'
		[    0.100000] KTAP version 1
		[    0.100000] 1..1
		[    0.100000]     KTAP version 1
		[    0.100000]     # Subtest: ima_list
		[    0.100000]     1..3
		[    0.100000]     ok 1 append
		[    0.100000]         KTAP version 1
		[    0.100000]         # Subtest: cut
		[    0.100000]         ok 1 zero
		[    0.100000]         ok 2 one # SKIP because
		[    0.100000]     # cut: pass:1 fail:0 skip:1 total:2
		[    0.100000]     ok 2 cut
		[    0.100000]     ok 3 size
		[    0.100000] # ima_list: pass:3 fail:0 skip:0 total:3
		[    0.100000] ok 1 ima_list
	END
}

kselftest() {
	printf '%s\n' 'TAP version 13' '1..3' 'ok 1 global.a' '# x: y' \
		'ok 2 global.b # SKIP no TPM' 'ok 3 global.c'
}

kunit | expect "KUnit: cases and parameters" 0 "suite ima_list: 3 passed, 0 failed, 1 skipped"
kunit | sed 's/ ok 1 zero/ not ok 1 zero/; s/ ok 2 cut/ not ok 2 cut/; s/ ok 1 ima/ not ok 1 ima/' |
	expect "KUnit: a failed parameter" 1 "suite ima_list: 2 passed, 1 failed, 1 skipped"
kunit | sed 's/ ok 1 append/ not ok 1 append/; s/ ok 1 ima/ not ok 1 ima/' |
	expect "KUnit: a failed case" 1 "suite ima_list: 2 passed, 1 failed, 1 skipped"
kunit | sed 's/ ok 1 ima/ not ok 1 ima/' |
	expect "KUnit: only the suite failed" 1 "suite ima_list: 3 passed, 1 failed, 1 skipped"
kunit | sed '/ok 3 size/d' |
	expect "KUnit: a case is missing" 1 "suite ima_list: 2 passed, 1 failed, 1 skipped"
kunit | head -n 12 | expect "KUnit: the run ends in a suite" 1 "suite (whole run): 0 passed, 2 failed, 0 skipped"
kunit | sed 's/ 1\.\.1$/ 1..2/' |
	expect "KUnit: a suite is missing" 1 "suite (whole run): 0 passed, 1 failed, 0 skipped"
echo "[    0.1] 1..0" | expect "KUnit: no suite" 1 "suite (whole run): 0 passed, 1 failed, 0 skipped"

kselftest | expect "kselftest" 0 "suite x: 2 passed, 0 failed, 1 skipped" --suite x
kselftest | sed 's/^ok 3/not ok 3/' |
	expect "kselftest: a failure" 1 "suite x: 1 passed, 1 failed, 1 skipped" --suite x
kselftest | sed '/^ok 3/d' |
	expect "kselftest: a result is missing" 1 "suite x: 1 passed, 1 failed, 1 skipped" --suite x
echo '1..0 # SKIP no TPM' |
	expect "kselftest: all skipped" 0 "suite x: 0 passed, 0 failed, 1 skipped" --suite x
echo 'sh: not found' |
	expect "kselftest: nothing ran" 1 "suite x: 0 passed, 1 failed, 0 skipped" --suite x

results_end
