# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A Debian 12 that boots with systemd, with the package of tools/ima. Sourced after lib.sh.

DEBIAN_KERNEL=$BUILD/kernel/x86/arch/x86/boot/bzImage
# Beside what is in each Debian: what the package needs, and what judges it
DEBIAN_PACKAGES=(systemd-sysv dbus libfuse3-3 libcap-ng0 libinih1 libjansson4 libssl3
	libtss2-esys-3.0.2-0 libtss2-mu0 libtss2-tctildr0 libtss2-rc0 libtss2-tcti-device0
	tpm2-tools ima-evm-utils kexec-tools)

# debian_prepare: what is made on this machine
debian_prepare() {
	"$ROOT/dev/setup" guest oracle imalog debian
	"$ROOT/dev/kernel" x86
	"$ROOT/dev/imalog-package" --build
}

# debian_root: build/debian.tar, made once. From here on it is used without the archive.
debian_root() {
	local tar=$BUILD/debian.tar packages

	printf -v packages '%s,' "${DEBIAN_PACKAGES[@]}"
	[[ ! -f $tar || $(cat "$tar.packages") != "$packages" ]] || return 0
	try mmdebstrap mmdebstrap --mode=root --format=tar --variant=minbase --include="${packages%,}" \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' bookworm "$tar.new" &&
		mv "$tar.new" "$tar" && printf '%s\n' "$packages" >"$tar.packages"
}

# debian_next_version FILE: the package again, as the version after it
debian_next_version() {
	local dir=$TEMP/next

	dpkg-deb -R "$BUILD"/imalog-package/imalog_*.deb "$dir" &&
		sed -i 's/^Version: .*/&.1/' "$dir/DEBIAN/control" &&
		dpkg-deb -b "$dir" "$1" &&
		rm -rf -- "$dir"
}

# debian_install ROOT SCRIPT: the package as an administrator installs it, and SCRIPT, to be run
# when all services were started.
debian_install() {
	local dir=$1

	cp "$BUILD"/imalog-package/imalog_*.deb "$dir/tmp/imalog.deb" &&
		chroot "$dir" dpkg -i /tmp/imalog.deb &&
		rm "$dir/tmp/imalog.deb" &&
		debian_next_version "$dir/root/imalog-next.deb" &&
		install -m 755 "$2" "$dir/usr/local/sbin/guest" &&
		install -m 644 "$ROOT/dev/imalog-steps.sh" "$dir/steps" &&
		cp "$DEBIAN_KERNEL" "$dir/boot/bzImage" || return
	echo ima-guest >"$dir/etc/hostname"
	echo '/dev/vda / ext4 defaults 0 1' >"$dir/etc/fstab"
	mkdir "$dir/out"
	# The console is for the kernel's log and for results.
	ln -s /dev/null "$dir/etc/systemd/system/serial-getty@.service"
	cat >"$dir/etc/systemd/system/guest.service" <<-END
		[Unit]
		After=multi-user.target
		IgnoreOnIsolate=yes
		[Service]
		Type=oneshot
		ExecStart=/usr/local/sbin/guest
		TimeoutStartSec=infinity
	END
	cat >"$dir/etc/systemd/system/guest.target" <<-END
		[Unit]
		Requires=multi-user.target
		Wants=guest.service
		AllowIsolate=yes
	END
	# In an agent's place: what it finds when it is started and stopped with the system
	cat >"$dir/etc/systemd/system/keylime_agent.service" <<-END
		[Service]
		Type=oneshot
		RemainAfterExit=yes
		ExecStart=/bin/sh -c 'wc -l </run/imalog/ascii_runtime_measurements >/var/lib/agent-starts'
		ExecStop=/bin/sh -c 'wc -l </run/imalog/ascii_runtime_measurements >/var/lib/agent-stops'
		[Install]
		WantedBy=multi-user.target
	END
	chroot "$dir" systemctl --quiet enable keylime_agent.service || return
	# Debian has it where policies are loaded from: nothing but the kernel's own is meant here.
	[[ ! -e $dir/etc/ima/ima-policy ]]
}

debian_make_disk() {
	local dir=$TEMP/root

	mkdir "$dir" &&
		tar -xf "$BUILD/debian.tar" -C "$dir" &&
		debian_install "$dir" "$2" &&
		truncate -s 1G "$1" &&
		mke2fs -q -t ext4 -d "$dir" "$1" &&
		rm -rf -- "$dir"
}

# debian_disk DISK SCRIPT: with a new system, which runs SCRIPT
debian_disk() {
	debian_root || die "mmdebstrap failed"
	run "Installing the package on a Debian system" debian_make_disk "$1" "$2"
}

# debian_boot DISK OUT CONSOLE LIMIT ARGUMENTS [OPTION]...: run it for LIMIT seconds at most, with
# ARGUMENTS to the kernel and OPTIONs to dev/guest. What it leaves in /out is in OUT then.
debian_boot() {
	local disk=$1 out=$2 console=$3 limit=$4 arguments=$5 status=0
	shift 5

	# One of the emulator's CPUs was seen to stand still for 21 s three times, in clear_page() and
	# nowhere in IMA: here a stall is one of a minute. Other guests keep the kernel's own limit.
	"$ROOT/dev/guest" --kernel "$DEBIAN_KERNEL" --drive "$disk" --tpm --log "$console" \
		--timeout "$limit" \
		--append "rcupdate.rcu_cpu_stall_timeout=60 ima_policy=tcb systemd.unit=guest.target systemd.show_status=no $arguments" \
		"$@" || status=1
	mkdir -p "$TEMP/rdump" "${out%/*}"
	debugfs -R "rdump /out $TEMP/rdump" "$disk" >>"$LOG" 2>&1
	rm -rf -- "$out"
	mv -- "$TEMP/rdump/out" "$out" || return
	return $status
}
