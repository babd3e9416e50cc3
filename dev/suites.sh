# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Run suites, count their results, show the sum: what dev/test and dev/soak share.
# Sourced after lib.sh.

COUNTS='^(suite [^:]*: )?[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$'

# count LOG: the sums of the counts in it, as "PASSED FAILED SKIPPED".
count() {
	{ grep -aE "$COUNTS" "$1" || true; } | sed 's/^suite [^:]*: //' |
		awk '{ passed += $1; failed += $3; skipped += $5 }
			END { print passed + 0, failed + 0, skipped + 0 }'
}

# count_suite NAME OUTPUT STATUS SECONDS: what a suite said, added to total.
count_suite() {
	local name=$1 passed failed skipped

	read -r passed failed skipped < <(count "$2")
	if [[ $3 != 0 && $failed = 0 ]]; then
		say "  FAILED $name, see ${2#"$ROOT"/}"
		failed=1
	elif [[ $((passed + failed)) = 0 ]]; then
		say "  FAILED $name: no test ran"
		failed=1
	fi
	total=$((total + passed + failed + skipped))
	total_passed=$((total_passed + passed))
	total_failed=$((total_failed + failed))
	total_skipped=$((total_skipped + skipped))
	summary+=("$(printf '%-10s %d passed, %d failed, %d skipped (%d s)' "$name" \
		"$passed" "$failed" "$skipped" "$4")")
}

# run_suite NAME COMMAND...: run it, and count.
run_suite() {
	local name=$1 output=$BUILD/log/$VERB-$1.log status=0 start=$SECONDS
	shift

	say "== $name: $*"
	(cd "$ROOT" && "$@") 2>&1 </dev/null | tee "$output" || status=1
	count_suite "$name" "$output" "$status" $((SECONDS - start))
}

# begin_suite NAME COMMAND...: run it beside the next ones, with what they leave of the CPUs.
begin_suite() {
	beside=$1 beside_output=$BUILD/log/$VERB-$1.log beside_start=$(date +%s)
	shift

	say "== $beside: $* (beside the next ones)"
	# A session of its own: to end all of it if this ends, and because the scheduler may take
	# the priority of a session (sched_autogroup) before those of its processes.
	# shellcheck disable=SC2016 # of the shell there
	(cd "$ROOT" && exec setsid nice -n 19 bash -c \
		'{ echo 19 >/proc/self/autogroup; } 2>/dev/null; exec "$@"' suite "$@") \
		>"$beside_output" 2>&1 </dev/null &
	beside_pid=$!
	trap 'kill -- "-$beside_pid" 2>/dev/null || true' EXIT
}

# end_suite: wait for the one that was begun, if any, show what it says, and count.
end_suite() {
	local status=0

	[[ -n $beside ]] || return 0
	say "== $beside, which was begun before"
	tail -n +1 -f -s 0.2 --pid="$beside_pid" "$beside_output"
	wait "$beside_pid" || status=1
	trap - EXIT
	count_suite "$beside" "$beside_output" "$status" \
		$(($(date -r "$beside_output" +%s) - beside_start))
	beside=''
}

# run_suites [NAME]...: those of the table `NAME COMMAND...` that stands in standard
# input, or all of them. `NAME& COMMAND...` is run beside the next ones, up to the line
# `wait` or the last one. Returns 1 on any failure or if no test ran.
run_suites() {
	local name command line run known=' ' beside=''

	total=0 total_passed=0 total_failed=0 total_skipped=0 summary=()
	while read -r name command; do
		if [[ $name = wait ]]; then
			end_suite
			continue
		fi
		run=run_suite
		[[ $name != *'&' ]] || run=begin_suite
		name=${name%'&'}
		known+="$name "
		[[ $# = 0 || " $* " = *" $name "* ]] || continue
		# shellcheck disable=SC2086 # a command and its arguments
		$run "$name" $command
	done
	end_suite
	for name in "$@"; do
		[[ $known = *" $name "* ]] || die "no suite $name; there are:${known% }"
	done

	say "== all"
	for line in "${summary[@]}"; do
		say "$line"
	done
	say "$total_passed passed, $total_failed failed, $total_skipped skipped"
	[[ $total_failed = 0 && $total -gt 0 ]]
}
