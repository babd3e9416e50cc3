#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Tests of dev/bench-report, which makes tables and a verdict of what was measured.
# shellcheck source=dev/lib.sh
source "${BASH_SOURCE[0]%/*}/../lib.sh"
# shellcheck source=dev/tests/results.sh
source "$ROOT/dev/tests/results.sh"

# rows TIMES SETTING FIGURE RECORDS UNPATCHED PATCHED: `-` for none.
rows() {
	local i

	for ((i = 0; i < $1; i++)); do
		[[ $5 = - ]] || echo "unpatched,$2,measured,$3,$4,$5"
		[[ $6 = - ]] || echo "patched,$2,measured,$3,$4,$6"
	done
}

# all_met: results that reach each bar, just so.
all_met() {
	local n

	echo kernel,setting,kind,figure,records,value
	for n in 100000 300000 1000000; do
		rows 1 uml memory-live "$n" 400.0 400.0
		rows 1 uml memory-deleted "$n" - 72.0
		rows 1 flush memory-deleted "$n" - 4.0
	done
	rows 1 tpm4 memory-live 10000 500.0 500.0
	rows 1 uml read-binary 20000 2000.0 1000.0
	rows 1 uml read-ascii 20000 3000.0 1000.0
	rows 1 uml read-binary 100000 5000.0 1000.0
	rows 1 uml read-ascii 100000 5000.0 1000.0
	rows 1 uml read-binary 300000 50000.0 1000.0
	rows 1 uml read-ascii 300000 50000.0 1000.0
	rows 1 uml read-binary 1000000 - 12000.0
	rows 1 uml read-ascii 1000000 - 12000.0
	echo unpatched,uml,skipped,read-ascii,1000000,600000000000.0
	rows 1 uml append 1000 100.0 100.0
	rows 1 uml append 1000000 900.0 115.0
	rows 10 alternating append 10000 100.0 105.0
	for figure in hold-stage hold-delete-n; do
		rows 1 hold $figure 1000 - 200.0
		rows 1 hold $figure 1000000 - 400.0
	done
	rows 1 hold hold-delete 1000 - 0.0
	rows 1 hold hold-delete 1000000 - 0.0
	for figure in wait-stage-delete wait-delete-n; do
		rows 5 qemu $figure-idle 1000000 - 1000.0
		rows 5 qemu $figure 1000000 - 2000.0
	done
}

# show STATUS [ARGUMENT]...: the report on standard input must return STATUS.
show() {
	local status=$1 rc=0
	shift

	cat >"$TEMP/results.csv"
	"$ROOT/dev/bench-report" show "$@" "$TEMP/results.csv" >"$TEMP/said" 2>&1 || rc=$?
	[[ $rc = "$status" ]]
}

# verdict FIGURE VERDICT: the table says so of this bar, of the first that is called so.
verdict() {
	[[ $(awk -F ' *[|] *' -v name="$1" '$2 == name { print $5; exit }' "$TEMP/said") = "$2" ]]
}

# missed NAME FIGURE SED-SCRIPT: so changed, the results miss that bar, and no other.
missed() {
	local good=1

	all_met | sed "$3" | show 1 || good=0
	verdict "$2" "NOT MET" || good=0
	[[ $(grep -c 'NOT MET' "$TEMP/said") = 1 ]] || good=0
	result "missed: $1" $good
}

bars() {
	local good=1

	all_met | show 0 || good=0
	[[ $(grep -c '| met ' "$TEMP/said") = 12 ]] || good=0
	result "all bars are met" $good

	missed "a deleted record" "memory held per deleted record, duplicates still detected" \
		's/^\(patched,uml,measured,memory-deleted,1000000,\).*/\173/'
	missed "a deleted record, of a live one" "the same, of a live record" \
		's/memory-live,300000,400.0/memory-live,300000,280.0/'
	missed "a deleted record, with flush" "memory held per deleted record, ima_flush_htable" \
		's/^\(patched,flush,measured,memory-deleted,100000,\).*/\14.1/'
	missed "a live record" "memory per live record, of the unpatched kernel's" \
		's/^\(patched,uml,measured,memory-live,300000,\).*/\1401/'
	missed "a live record in four banks" "memory per live record, of the unpatched kernel's" \
		's/^\(patched,tpm4,measured,memory-live,10000,\).*/\1501/'
	missed "reading is not linear" "reading 1,000,000 records / reading 100,000" \
		's/^\(patched,uml,measured,read-ascii,1000000,\).*/\112100/'
	missed "reading 300,000" "reading 300,000 records, times faster than unpatched" \
		's/^\(patched,uml,measured,read-binary,300000,\).*/\11001/'
	missed "reading 20,000, binary" "reading 20,000 records, times faster than unpatched" \
		's/^\(patched,uml,measured,read-binary,20000,\).*/\11001/'
	missed "appending to a long list" "append with a history of 1,000,000 / of 1,000" \
		's/^\(patched,uml,measured,append,1000000,\).*/\1116/'
	missed "appending" "append at 10,000 records, of unpatched, minimum of 10 runs" \
		's/^\(patched,alternating,.*,\).*/\1106/'
	missed "holding the mutex" "mutex hold for 1,000,000 records / for 1,000" \
		's/^\(patched,hold,measured,hold-delete-n,1000000,\).*/\1401/'
	missed "holding the mutex where it is not taken for few records" \
		"mutex hold for 1,000,000 records / for 1,000" \
		's/^\(patched,hold,measured,hold-delete,1000000,\).*/\11/'
	missed "waiting" "longest append while 1,000,000 records go / idle" \
		's/^\(patched,qemu,measured,wait-delete-n,1000000,\).*/\12001/'

	good=1
	grep -qF '1 (2 us / 2 us)' <(all_met | sed 's/wait-delete-n-idle,1000000,1000/wait-delete-n-idle,1000000,2000/' |
		"$ROOT/dev/bench-report" show /dev/stdin) || good=0
	result "a quotient, and what it is of" $good

	good=1
	all_met | sed 's/^\(patched,uml,measured,read-ascii,20000,\).*/\11001/' | show 1 || good=0
	[[ $(grep -A 1 'reading 20,000' "$TEMP/said" | grep -c 'NOT MET') = 1 ]] || good=0
	result "missed: reading 20,000, ASCII" $good

	good=1
	{
		all_met | sed 's/^\(patched,alternating,.*,\).*/\1106/'
		echo unpatched,alternating,measured,append,10000,106.0
	} | show 0 || good=0
	grep -qF '1.06 (106 ns / 100 ns; medians 106 ns / 100 ns) (the spreads overlap)' "$TEMP/said" || good=0
	result "appending is slower, but the spreads overlap" $good

	# 42 bytes of each are a block of 4 MiB, one half of which the table leaves unused.
	good=1
	with_table 90.0 48.0 | show 0 || good=0
	grep -qF '100,000 90 B (69.0 B without what the table leaves unused)' "$TEMP/said" || good=0
	verdict "memory held per deleted record, duplicates still detected" \
		"met but for the table's block" || good=0
	result "a deleted record, with the table's block" $good

	good=1
	with_table 90.0 50.0 | show 1 || good=0
	verdict "memory held per deleted record, duplicates still detected" "NOT MET" || good=0
	result "missed: a deleted record, and there is no such block" $good

	good=1
	with_table 100.0 50.0 | show 1 || good=0
	verdict "memory held per deleted record, duplicates still detected" "NOT MET" || good=0
	result "missed: a deleted record, whatever the block" $good
}

# with_table MEMORY SLABS: what is left of each of 100,000 deleted records
with_table() {
	all_met | sed "s/^\(patched,uml,measured,memory-deleted,100000,\).*/\1$1/"
	rows 1 uml slabinfo-deleted 100000 - "$2"
}

what_was_not_measured() {
	local good=1

	all_met | grep -v ',wait-delete-n,' | show 1 || good=0
	verdict "longest append while 1,000,000 records go / idle" "met, in part" || good=0
	grep -qx 'not measured: longest append .*: N' "$TEMP/said" || good=0
	result "a part of a bar that was not measured fails a whole run" $good

	good=1
	all_met | grep -v ',wait-' | show 1 || good=0
	verdict "longest append while 1,000,000 records go / idle" "not measured" || good=0
	result "a bar that was not measured fails a whole run" $good

	good=1
	all_met | grep -v ',wait-' | show 0 --partial || good=0
	verdict "longest append while 1,000,000 records go / idle" "not measured" || good=0
	grep -qx 'not measured in this run: longest append .*' "$TEMP/said" || good=0
	result "but not one of a part" $good

	good=1
	all_met | grep -v ',wait-' | sed 's/^\(patched,flush,.*,\).*/\15/' | show 1 --partial || good=0
	result "which fails if a bar is missed" $good

	good=1
	all_met | awk '!/^patched,qemu,measured,wait-delete-n,/ || n++' | show 1 || good=0
	verdict "longest append while 1,000,000 records go / idle" "met, in part" || good=0
	result "four maxima of waiting are too few" $good

	good=1
	all_met | awk '!/^unpatched,alternating,/ || n++' | show 1 || good=0
	verdict "append at 10,000 records, of unpatched, minimum of 10 runs" "not measured" || good=0
	result "nine runs of appending are too few" $good

	good=1
	all_met | sed 1d | show 1 || good=0
	grep -q 'these are no results' "$TEMP/said" || good=0
	result "a file of something else" $good
}

figures() {
	local good=1

	{
		all_met
		echo patched,uml,measured,delete,1000,3000.0
		echo patched,uml,measured,delete,1000,1000.0
		echo patched,uml,measured,delete,1000,2500000.0
		echo other,uml,measured,delete,1000,5000000000.0
		echo other,uml,measured,memory-deleted,100000,300.0
	} | show 0 --out "$TEMP" || good=0
	grep -qE '^\| D +\| 1,000 +\| - +\| 3 us \(1 us - 2\.50 ms, 3\) +\| 5 s +\|$' "$TEMP/said" || good=0
	grep -qE '^\| read, ASCII +\| 1,000,000 +\| not read: about 600 s +\|' "$TEMP/said" || good=0
	grep -qx 'patched,uml,delete,1000,3,3000.0,1000.0,2500000.0' "$TEMP/summary.csv" || good=0
	# Beside the bars, what another kernel reaches decides nothing.
	grep -qE 'duplicates still detected .* met +\| 100,000 300 B \(NOT MET\)' "$TEMP/said" || good=0
	result "medians with minimum and maximum, and another kernel" $good

	good=1
	{
		all_met
		echo patched,hold,measured,hold-nothing,1000,80.0
		echo patched,hold,measured,hold-nothing,1000,70.0
		echo patched,hold,measured,append,10000,90000.0
		echo patched,uml,measured,append,10000,60000.0
	} | show 0 || good=0
	[[ $(tr '\n' ' ' <"$TEMP/said") = *"Of nothing, this counts at least 70 ns."*"appends in 90 us, the other in 60 us."* ]] || good=0
	result "what it costs to measure holding" $good

	good=1
	grep -qE '^records,.*patched. binary,patched, binary minimum' <(tr -d '"' <"$TEMP/read.csv") || good=0
	grep -qx '20000,2e-06,2e-06,2e-06,1e-06,1e-06,1e-06,3e-06,3e-06,3e-06,1e-06,1e-06,1e-06' \
		"$TEMP/read.csv" || good=0
	# No kernel was read at all sizes.
	grep -qx '1000000,,,,1.2e-05,1.2e-05,1.2e-05,,,,1.2e-05,1.2e-05,1.2e-05' "$TEMP/read.csv" || good=0
	grep -q "^set output 'read.svg'" "$TEMP/plots.gp" || good=0
	grep -q "^set output 'memory.png'" "$TEMP/plots.gp" || good=0
	result "a plot" $good
}

# console: what a guest prints.
console() {
	cat <<-'END'
		[    0.100000] Linux version 6.12
		bench-guest: 100 records
		[    1.000000] bench append 1000 12345.0
		[    1.000001] bench memory-deleted 1000 -1.5
		[    1.000002] bench-skip read-binary 1000000 600000000000.0
		[    1.000003] bench-end 3
		[    1.000004] guest: exit status 0
	END
}

# take STATUS: what was measured in the guest of standard input.
take() {
	local rc=0

	cat >"$TEMP/console.log"
	"$ROOT/dev/bench-report" take patched uml "$TEMP/console.log" >"$TEMP/said" 2>&1 || rc=$?
	[[ $rc = "$1" ]]
}

consoles() {
	local good=1

	console | sed 's/$/\r/' | take 0 || good=0
	diff - "$TEMP/said" <<-'END' || good=0
		patched,uml,measured,append,1000,12345.0
		patched,uml,measured,memory-deleted,1000,-1.5
		patched,uml,skipped,read-binary,1000000,600000000000.0
	END
	result "the figures in a console" $good

	good=1
	console | sed '/memory-deleted/d' | take 1 || good=0
	result "a line is missing" $good

	good=1
	console | sed 's/bench append/ben[    1.000000] random: crng/' | take 1 || good=0
	result "a line is broken" $good

	good=1
	console | sed '/bench-end/d' | take 1 || good=0
	result "the guest ended before it was done" $good
}

"$ROOT/dev/setup" kunit
make_temp test-bench
bars
what_was_not_measured
figures
consoles
results_end
