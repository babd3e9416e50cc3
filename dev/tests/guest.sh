#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Tests of the judge: a guest that goes wrong in any way must fail dev/guest, with
# a line that says how; one that does not must pass. Boots the plain x86 kernel.
# shellcheck source=dev/lib.sh
source "${BASH_SOURCE[0]%/*}/../lib.sh"
# shellcheck source=dev/tests/results.sh
source "$ROOT/dev/tests/results.sh"

KERNEL=$BUILD/kernel/x86/arch/x86/boot/bzImage

# boot ARGUMENTS...: run a guest whose command is the script on standard input.
boot() {
	cat >"$TEMP/run"
	"$ROOT/dev/initramfs" --output "$TEMP/guest.cpio" --run "$TEMP/run"
	"$ROOT/dev/guest" --kernel "$KERNEL" --initrd "$TEMP/guest.cpio" \
		--log "$TEMP/console.log" --timeout 60 "$@" >"$TEMP/said" 2>&1
}

# refused NAME PATTERN [ARGUMENTS...]: the guest must fail, with one line that
# matches PATTERN and names the log, and the fault from the log before it.
refused() {
	local name=$1 pattern=$2 good=1
	shift 2
	if boot "$@"; then
		good=0
		echo "the guest passed" >>"$TEMP/said"
	fi
	[[ $(grep -vc '^  | ' "$TEMP/said") = 1 ]] || good=0
	if [[ $pattern == *'in the kernel log: .*'* ]]; then
		grep -qE "^  \| .*${pattern##*: .\*}" "$TEMP/said" || good=0
	fi
	grep -qE "^guest: error: $pattern.*\(log: .*console.log\)$" "$TEMP/said" || good=0
	result "$name" "$good"
}

guest_that_is_well() {
	local good=1
	boot --tpm --cpus 3 --out "$TEMP/files" --append 'ima_hash=sha1 rootfstype=ramfs' <<-'END' || good=0
		#!/bin/sh
		set -e
		[ "$(nproc)" = 3 ]
		grep '^rootfs / ' /proc/mounts >/out/rootfs
		cat /sys/class/tpm/tpm0/pcr-sha1/10 >/out/sha1
		cat /sys/class/tpm/tpm0/pcr-sha256/10 >/out/sha256
		cut -d' ' -f4 /sys/kernel/security/ima/ascii_runtime_measurements >/out/records
		head -c 300000 /dev/urandom >/out/large
		sha256sum /out/large
	END
	grep -qE '^[0-9A-F]{40}$' "$TEMP/files/sha1" || good=0
	grep -qE '^[0-9A-F]{64}$' "$TEMP/files/sha256" || good=0
	# A tmpfs would tell its size.
	grep -qx 'rootfs / rootfs rw 0 0' "$TEMP/files/rootfs" || good=0
	grep -q '^sha1:' "$TEMP/files/records" || good=0
	grep -q "$(sha256sum <"$TEMP/files/large" | cut -d' ' -f1)" "$TEMP/console.log" || good=0
	[[ ! -s $TEMP/said ]] || good=0
	result "a guest with a TPM, three CPUs and files to give away passes" "$good"
}

# A guest sends files before its end as well, and takes the last of each.
guest_that_sends_twice() {
	local good=1
	rm -rf "$TEMP/files"
	boot --out "$TEMP/files" <<-'END' || good=0
		#!/bin/sh
		echo 1 >/out/first
		echo 1 >/out/both
		guest-send
		rm /out/first
		echo 2 >/out/both
	END
	[[ $(cat "$TEMP/files"/{first,both}) = $'1\n2' ]] || good=0
	result "what a guest sends before its end arrives" "$good"
}

# A command that is given 2 minutes, TPM2_ReadClock, before, while and after the TPM
# is held. It must have an answer at once, none for three seconds, and one again.
guest_with_a_tpm_that_is_held() {
	local good=1
	boot --tpm <<-'END' || good=0
		#!/bin/sh
		ask() {
			printf '\200\001\000\000\000\012\000\000\001\201' >/dev/tpm0
			: >"/tmp/answer-$1"
		}
		ask 1
		echo "guest: hold the TPM" >/dev/kmsg
		sleep 2
		ask 2 &
		sleep 3
		[ ! -e /tmp/answer-2 ] || exit 1
		echo "guest: release the TPM" >/dev/kmsg
		wait
		[ -e /tmp/answer-1 ] && [ -e /tmp/answer-2 ] && ask 3
	END
	result "a TPM is held and released" "$good"
}

guests_that_are_not() {
	refused "a command that fails" "the guest's command failed with status 7" <<-'END'
		#!/bin/sh
		exit 7
	END
	refused "a panic" 'kernel panic; in the kernel log: .*(BUG|sysrq|Kernel panic)' <<-'END'
		#!/bin/sh
		echo c >/proc/sysrq-trigger
	END
	refused "a hang" 'time limit of 4 s exceeded' --timeout 4 <<-'END'
		#!/bin/sh
		sleep 1000
	END
	refused "a hang after a warning" 'time limit of 25 s exceeded; in the kernel log: .*WARNING: bad' --timeout 25 <<-'END'
		#!/bin/sh
		echo "WARNING: bad" >/dev/kmsg
		sleep 1000
	END
	refused "a warning in the kernel log" 'in the kernel log: .*WARNING: something' <<-'END'
		#!/bin/sh
		echo "WARNING: something" >/dev/kmsg
	END
	refused "a power-off without a closing line" 'the guest ended without saying how' <<-'END'
		#!/bin/sh
		poweroff -f
	END
	refused "a reboot" 'the guest ended without saying how' <<-'END'
		#!/bin/sh
		reboot -f
	END
}

# Ended from outside, dev/guest takes its QEMU and swtpm with it.
interrupted_guest() {
	local signal pid good
	for signal in INT TERM; do
		good=1
		rm -f "$TEMP/console.log"
		# What runs in the background ignores SIGINT by default.
		(exec env --default-signal=INT TMPDIR="$TEMP" "$ROOT/dev/guest" --kernel "$KERNEL" --tpm --timeout 60 \
			--initrd "$TEMP/guest.cpio" --log "$TEMP/console.log" >"$TEMP/said" 2>&1) &
		pid=$!
		timeout 40 bash -c "until [[ -s '$TEMP/console.log' ]]; do sleep 0.2; done" || good=0
		pgrep -f "qemu.*$TEMP/guest\." >/dev/null || good=0
		kill -s "$signal" "$pid"
		wait "$pid" && good=0
		pgrep -af "$TEMP/guest\." >>"$TEMP/said" && good=0
		[[ -z $(find "$TEMP" -maxdepth 1 -name 'guest.*' -type d) ]] || good=0
		result "SIG$signal ends the guest's processes" "$good"
	done
}

# Every kind of fault that the patterns are there for, as the kernel words it.
faults() {
	cat <<-'END'
		[    1.000000] BUG: kernel NULL pointer dereference, address: 0000000000000000
		[    1.000000] BUG: KASAN: slab-use-after-free in ima_show+0x10/0x20
		[    1.000000] BUG: sleeping function called from invalid context at mm/slub.c:1
		[    1.000000] WARNING: CPU: 0 PID: 1 at security/integrity/ima/ima_main.c:1 f+0x1/0x2
		[    1.000000] WARNING: possible circular locking dependency detected
		[    1.000000] WARNING: suspicious RCU usage
		[    1.000000] INFO: possible recursive locking detected
		[    1.000000] INFO: trying to register non-static key.
		[    1.000000] Oops: 0000 [#1] SMP
		[    1.000000] general protection fault, probably for non-canonical address
		[    1.000000] Call Trace:
		[    1.000000] UBSAN: array-index-out-of-bounds in ima_fs.c:1:2
		[    1.000000] BUG: KCSAN: data-race in f / g
		[    1.000000] refcount_t: underflow; use-after-free.
		[    1.000000] list_del corruption. prev->next should be 1
		[    1.000000] ODEBUG: activate active (active state 1) object type: rcu_head
		[    1.000000] kmemleak: 1 new suspected memory leaks (see /sys/kernel/debug/kmemleak)
		unreferenced object 0xffff888003c3b000 (size 64):
		[    1.000000] watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [sh:1]
		[    1.000000] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:
		[    1.000000] rcu: INFO: rcu_sched self-detected stall on CPU
		[    1.000000] INFO: task sh:1 blocked for more than 60 seconds.
		[    1.000000] Kernel panic - not syncing: Fatal exception
		[    1.000000] sh[61]: segfault at 0 ip 0000000000401000
		==61==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000010
		list.c:10:3: runtime error: signed integer overflow
	END
}

lines_that_tell_of_a_fault() {
	local line good
	while read -r line; do
		good=1
		printf '%s\r\n[    2.000000] guest: exit status 0\r\n' "$line" >"$TEMP/console.log"
		if "$ROOT/dev/judge" "$TEMP/console.log" >"$TEMP/said" 2>&1; then
			good=0
		fi
		[[ $(<"$TEMP/said") = "in the kernel log: $line" ]] || good=0
		result "judged a fault: ${line#*] }" "$good"
	done < <(faults)
}

"$ROOT/dev/setup" guest
"$ROOT/dev/kernel" x86
make_temp test-guest
guest_that_is_well
guest_that_sends_twice
guest_with_a_tpm_that_is_held
guests_that_are_not
interrupted_guest
lines_that_tell_of_a_fault
results_end
