# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Count tests: what the scripts of this folder share. Sourced after lib.sh.

PASSED=0
FAILED=0

# result NAME OK: count one test; what it said is in $TEMP/said.
result() {
	if [[ $2 = 1 ]]; then
		PASSED=$((PASSED + 1))
		say "ok - $1"
	else
		FAILED=$((FAILED + 1))
		say "not ok - $1"
		sed 's/^/# /' "$TEMP/said"
	fi
}

# results_end: say the counts. Returns 1 on any failure or if no test ran.
results_end() {
	say "$PASSED passed, $FAILED failed, 0 skipped"
	[[ $FAILED = 0 && $PASSED -gt 0 ]]
}
