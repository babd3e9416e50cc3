# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# One real round in a guest, and the proof from what it saved: what dev/demo
# shows and dev/oracle tests. Sourced after lib.sh.

BANKS=(sha1 sha256)
PARTS=(1-staged 2-staged 3-deleted 4-left)
REAL_FILES=${REAL_FILES:-400}
# Seconds that the guest may take.
LIMIT=${LIMIT:-300}

# round_files DIR: copies of real files of this machine, half programs, half
# data, always the same ones.
round_files() {
	local half=$((REAL_FILES / 2))

	rm -rf -- "$1"
	mkdir -p "$1"
	{
		find /usr/bin -maxdepth 1 -type f -size -512k | LC_ALL=C sort | awk -v n=$half 'NR <= n'
		find /usr/share -type f -size +0 -size -64k ! -name '*[[:space:]]*' |
			LC_ALL=C sort | awk -v n=$half 'NR <= n'
	} | tr '\n' '\0' | xargs -0 cp --parents -t "$1"
}

# round_start DIR FILES BZIMAGE: boot the guest, which measures FILES small files; DIR
# gets what it saved. Returns 1 if anything went wrong.
round_start() {
	mkdir -p "$1"
	# All but a transcript that is being written.
	find "$1" -mindepth 1 ! -name transcript.txt -delete
	round_files "$1/files" &&
	"$ROOT/dev/initramfs" --output "$1/initramfs.cpio" --run "$ROOT/dev/round-guest" \
		--add "$1/files:/files" &&
	rm -r -- "$1/files" &&
	"$ROOT/dev/guest" --kernel "$3" \
		--initrd "$1/initramfs.cpio" --log "$BUILD/log/$VERB-guest.log" \
		--tpm --banks sha1,sha256 --timeout "$LIMIT" --out "$1" \
		--append "ima_policy=tcb rootfstype=ramfs ima_hash=sha256 FILES=$2" &&
	rm -- "$1/initramfs.cpio"
}

# round_lines: what the guest says, out of its console (stdin), up to its end.
round_lines() {
	sed -un '/^the guest has ended$/q; s/\r$//; s/^\[ *[0-9.]*\] demo| \{0,1\}//p'
}

# round_join DIR: log.BANK and log.ascii, all records since boot: those saved,
# and those left. Sets RECORDS. Returns 1, with a line, if some do not match what
# the guest counted.
round_join() {
	local dir=$1 bank part counted

	RECORDS=0
	rm -f -- "$dir"/log.*
	for part in "${PARTS[@]}"; do
		counted=$(awk -v part="$part" '$1 == part { print $2 }' "$dir/counts")
		RECORDS=$((RECORDS + counted))
		cat "$dir/$part.ascii" >>"$dir/log.ascii"
		for bank in "${BANKS[@]}"; do
			# N was told before these were read: they may have more records.
			[[ $part != 3-deleted ]] || first_records "$dir/$part.$bank" "$bank" "$counted"
			cat "$dir/$part.$bank" >>"$dir/log.$bank"
			if [[ $("$ROOT/dev/records" "$bank" count "$dir/$part.$bank") != "$counted" ]]; then
				echo "$part.$bank does not have $counted records"
				return 1
			fi
		done
	done
}

# first_records FILE BANK N: leave these only.
first_records() {
	"$ROOT/dev/records" "$2" head "$3" "$1" >"$1.head"
	mv -- "$1.head" "$1"
}

# verdict DIR BANK LOG [RECORDS]: print what evmctl says of a log in the format of
# the SHA-1 list: the digests of other banks it calculates from the records' data.
# Returns 0 only if all RECORDS were needed to come to the value of that bank's
# PCR. One bank at a time: with several, evmctl is content with the last one.
verdict() {
	local out rc=0 at

	out=$(evmctl -v ima_measurement --pcrs "$2,$1/pcrs-$2" "$3" 2>&1) || rc=$?
	at=$(sed -n "s/^$2 PCR-10: succeed at entry //p" <<<"$out")
	sed -n '/^Matched\|^Failed to match\|^Unable/p' <<<"$out"
	[[ $rc -eq 0 && $out == *'Matched per TPM bank calculated digest(s).'* &&
	   (-z ${4:-} || $at == "$4") ]]
}

# replayed DIR BANK LOG: whether the digests in this bank's own list lead to its PCR.
replayed() {
	local pcr

	pcr=$(sed -n 's/^PCR-10: //p' "$1/pcrs-$2")
	[[ -n $pcr && $("$ROOT/dev/records" "$2" replay "$3") == "$pcr" ]]
}

# evmctl_accepts PCRS BANK LOG: it leads to PCRS-BANK. There may be violations in it, for which
# evmctl has to be told to do as the kernel does.
evmctl_accepts() {
	evmctl ima_measurement --ignore-violations --pcrs "$2,$1-$2" "$3" 2>&1 |
		grep 'Matched per TPM bank calculated digest(s)\.'
}

# agent_is_content DIR BANK N: N times, what an agent had read by then (the first K-bytes of log)
# leads to the PCRs that it had taken before (K-BANK).
agent_is_content() {
	local bytes number=0

	while [[ -f $1/$((++number))-bytes ]]; do
		bytes=$(<"$1/$number-bytes")
		head -c "$bytes" "$1/log" >"$TEMP/read"
		evmctl_accepts "$1/$number" "$2" "$TEMP/read" || {
			echo "not after $bytes bytes, time $number"
			return 1
		}
	done
	[[ $((number - 1)) = "$3" ]]
}

# agent_would_notice DIR BANK N: a record is taken out of all that it had read by the N-th time,
# the last.
agent_would_notice() {
	evmctl_accepts "$1/$3" "$2" "$1/log" &&
		"$ROOT/dev/records" sha1 without 100 "$1/log" >"$TEMP/short" &&
		not evmctl_accepts "$1/$3" "$2" "$TEMP/short"
}
