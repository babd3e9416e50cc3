# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A guest with the programs of tools/ima. Sourced after lib.sh.

# imalog_initramfs CPIO RUN [ARGUMENT...]: build the programs, and an initramfs with them that
# runs RUN. ARGUMENTS are those of dev/initramfs.
imalog_initramfs() {
	local cpio=$1 run=$2 tcti gcc_s
	shift 2

	log_start imalog-build
	run "imalog: building" env -u MAKEFLAGS -u MFLAGS make -C "$ROOT/tools/ima" -j"$JOBS" \
		OUTPUT="$BUILD/imalog" all
	# Loaded by name, not linked
	tcti=$(realpath "$(ldconfig -p | sed -n 's/.*libtss2-tcti-device\.so\.0 .*=> //p' | head -n 1)")
	gcc_s=$(realpath "$(ldconfig -p | sed -n 's/.*libgcc_s\.so\.1 .*x86-64.*=> //p' | head -n 1)")
	"$ROOT/dev/initramfs" --output "$cpio" --run "$run" --libs \
		--add "$ROOT/dev/imalog-steps.sh:/steps" \
		--add "$BUILD/imalog/imalogd" --add "$BUILD/imalog/imalogctl" \
		--add "$BUILD/imalog/imalogfs" \
		--add "$gcc_s:/usr/lib/x86_64-linux-gnu/libgcc_s.so.1" \
		--add "$tcti:/usr/lib/x86_64-linux-gnu/libtss2-tcti-device.so.0" "$@"
}

# make_disk FILE: a disk for what imalogd saves
make_disk() {
	truncate -s 64M "$1" && mke2fs -q -t ext4 "$1"
}

# disk_is_sound FILE: it needs no repair but to take up its journal.
disk_is_sound() {
	cp "$1" "$1.copy" &&
		{ e2fsck -y -E journal_only "$1.copy" || true; } &&
		e2fsck -fn "$1.copy"
}
