# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The kselftests of IMA in a guest: what dev/selftest, dev/soak and dev/coverage
# share. Sourced after lib.sh, with TEMP made.

SELFTESTS=$BUILD/linux/tools/testing/selftests/ima

# selftest_limit FACTOR: seconds for one program, as its folder's settings say,
# times FACTOR.
selftest_limit() {
	echo $(($(sed -n 's/^timeout=//p' "$SELFTESTS/settings") * $1))
}

# selftest_named: each fault of known_faults_test.c has the tests that it says. Those
# of stage and delete N may have been left out.
selftest_named() {
	local name tests without=''

	[[ -f $SELFTESTS/delete_n_test.c ]] || without='/_n_test:/d;'
	tests=$(cat "$SELFTESTS"/*_test.c "$BUILD"/linux/security/integrity/ima/*_test.c)
	while read -r name; do
		grep -qE "(TEST\(|TEST_F(_TIMEOUT)?\([a-z_]+, )${name}[,)]|static void $name\(struct kunit " <<<"$tests" ||
			die "known_faults_test.c names a test that there is not: $name"
	done < <(sed -n "$without/^ \\*\\t/{s/([^)]*)//g;p}" "$SELFTESTS/known_faults_test.c" |
		grep -oE '[a-z]+(_[a-z0-9]+)+ *:?' | grep -vE '(_test|:)$')
}

# selftest_prepare: what the programs are built with.
selftest_prepare() {
	"$ROOT/dev/setup" guest kunit
	"$ROOT/dev/kernel" x86
	with_lock selftest run "selftest: preparing the kernel's headers" \
		env -u MAKEFLAGS make -C "$BUILD/linux" O="$BUILD/kernel/x86" ARCH=x86 headers
}

# selftest_build static|sanitize [NAME_test]...: sets programs to those built.
selftest_build() {
	local flags=(USERCFLAGS=-Werror USERLDFLAGS=-static) kind=$1 program
	shift

	if [[ $kind = sanitize ]]; then
		flags=("USERCFLAGS=-Werror -fsanitize=address,undefined -fno-sanitize-recover=all"
			"USERLDFLAGS=-fsanitize=address,undefined")
	fi
	mkdir -p "$BUILD/selftest/$kind"
	with_lock selftest run "selftest: building the programs ($kind)" \
		env -u MAKEFLAGS make -C "$SELFTESTS" -j"$JOBS" OUTPUT="$BUILD/selftest/$kind" \
		KHDR_INCLUDES="-isystem $BUILD/kernel/x86/usr/include" "${flags[@]}"
	programs=()
	# Races leave thousands of records behind, and each replay hashes them all:
	# the programs that have some come last.
	while read -r program; do
		program=$BUILD/selftest/$kind/$(basename "$program" .c)
		[[ $# -gt 0 && " $* " != *" ${program##*/} "* ]] || programs+=("$program")
	done < <(
		grep -LE '^FIXTURE\((race|ways)\)' "$SELFTESTS"/*_test.c
		grep -lE '^FIXTURE\((race|ways)\)' "$SELFTESTS"/*_test.c
	)
	[[ ${#programs[@]} -gt 0 ]] || die "no kselftest to run"
}

# selftest_write_run LIMIT: the guest's command. Runs the programs, then
# SELFTEST_AFTER. Results go to the console and to /out.
selftest_write_run() {
	local command

	printf '%s\n' '#!/bin/sh' 'cd /tmp || exit 1' 'export IMA_TEST_DIR=/tmp/ima_selftest' \
		"${SELFTEST_BEFORE[@]}"
	cat <<-END
		for name in ${programs[*]##*/}; do
			echo "# selftest: \$name"
			start=\$(cut -d. -f1 /proc/uptime)
			{
				timeout -k 5 $1 "/bin/\$name" $SELFTEST_ARGUMENTS
				echo \$? >/tmp/status
			} 2>&1 | tee "/out/\$name.tap"
			echo "# selftest: \$name took \$((\$(cut -d. -f1 /proc/uptime) - start)) s"
			case \$(cat /tmp/status) in
			0 | 4) continue ;;
			esac
			grep -q '^not ok' "/out/\$name.tap" ||
				echo "not ok 0 ended with status \$(cat /tmp/status)" | tee -a "/out/\$name.tap"
		done
	END
	for command in "${SELFTEST_AFTER[@]}"; do
		printf '%s\n' "echo '# selftest: $command'" "$command"
	done
}

# selftest_follow LOG PID: until process PID ends, say now and then how far the
# guest is.
selftest_follow() {
	local ticks=0
	while kill -0 "$2" 2>/dev/null; do
		sleep 1
		ticks=$((ticks + 1))
		[[ $((ticks % 30)) != 0 ]] ||
			say "  $ticks s: $(grep -acE '^(not )?ok ' "$1") results, now" \
				"$(grep -aoE '^# selftest: [a-z_-]*' "$1" | tail -n 1 | cut -c 13-)"
	done
}

# selftest_run LABEL [GUEST OPTION]...: boot a guest, and count the results of
# programs. The console goes to build/log/selftest-LABEL.log. What is not as usual
# is set before, in
#   SELFTEST_KERNEL     the kernel's folder in build/kernel
#   SELFTEST_LIMIT      seconds for one program; the guest gets four times that
#   SELFTEST_INITRD     more options of dev/initramfs
#   SELFTEST_BEFORE     commands to run in the guest before the programs,
#   SELFTEST_AFTER      and after them
#   SELFTEST_APPEND     more arguments for the kernel
#   SELFTEST_ARGUMENTS  arguments for each program
#   SELFTEST_HASH       the hash for ima_hash=
SELFTEST_KERNEL=x86 SELFTEST_LIMIT='' SELFTEST_INITRD=() SELFTEST_BEFORE=() SELFTEST_AFTER=()
SELFTEST_APPEND='' SELFTEST_ARGUMENTS='' SELFTEST_HASH=sha256
selftest_run() {
	local label=$1 initrd=("${SELFTEST_INITRD[@]}") limit program pid rc=0
	local log=$BUILD/log/selftest-$1.log results=$BUILD/log/selftest-$1
	shift

	limit=${SELFTEST_LIMIT:-$(selftest_limit 1)}
	for program in "${programs[@]}"; do
		initrd+=(--add "$program")
	done
	rm -rf "$results"
	selftest_write_run "$limit" >"$TEMP/run"
	"$ROOT/dev/initramfs" --output "$TEMP/cpio" --run "$TEMP/run" "${initrd[@]}"
	: >"$log"
	"$ROOT/dev/guest" --kernel "$BUILD/kernel/$SELFTEST_KERNEL/arch/x86/boot/bzImage" \
		--initrd "$TEMP/cpio" --log "$log" --out "$results" \
		--append "ima_hash=$SELFTEST_HASH $SELFTEST_APPEND" \
		--timeout $((limit * 4)) "$@" &
	pid=$!
	trap 'say "selftest: interrupted"; kill "$pid"; wait "$pid"; exit 130' INT TERM
	selftest_follow "$log" "$pid"
	wait "$pid" || rc=1
	trap - INT TERM
	say "selftest: the slowest, of $limit s each: $(grep -aoE '^# selftest: [a-z_]+ took [0-9]+ s' "$log" |
		sort -k5,5nr | head -n 3 | cut -d' ' -f3- | paste -sd, | sed 's/,/, /g')"
	for program in "${programs[@]}"; do
		program=${program##*/}
		# What a guest that died did not send is in its console only.
		[[ -f $results/$program.tap ]] || : >"$results/$program.tap"
		"$ROOT/dev/tap" --suite "$program, $label" "$results/$program.tap" || rc=1
	done
	return "$rc"
}
