# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# What the guests with tools/ima have in common: /steps there, sourced by what takes them
# through their steps. Results go through the kernel log, as `imalog| ok WHAT`.

IMA=/sys/kernel/security/ima
STORE=/imalog
VIEW=/run/imalog
# The only files that are measured are those of this user.
OWNER=4711
# What is in the files that measure() makes, beside their number
CONTENT=guest
# Seconds that wait_for() waits at most
PATIENCE=20
# What is read there is not measured.
TMP=/tmp
made=0

say() {
	printf 'imalog| %s\n' "$*" >/dev/kmsg
}

# logs: what is shown of a step that failed, beside what it has said itself
logs() {
	tail -n 5 /tmp/*.log
}

# check WHAT COMMAND...: one result.
check() {
	what=$1
	shift
	if "$@" >"$TMP"/said 2>&1; then
		say "ok $what"
		return
	fi
	say "not ok $what"
	{
		tail -n 8 "$TMP"/said
		logs
	} 2>&1 | while IFS= read -r line; do
		say "# $line"
	done
}

# is WHAT VALUE EXPECTED: which is not nothing
is() {
	check "$1 ($2, expected $3)" [ "$2" = "${3:-something}" ]
}

# now: hundredths of a second
now() {
	sed -E 's/^([0-9]+)\.([0-9]+) .*/\1\2/' /proc/uptime
}

count() {
	cat $IMA/runtime_measurements_count
}

deleted() {
	cat $IMA/runtime_measurements_deleted
}

# deleted_more THAN
deleted_more() {
	[ "$(deleted)" -gt "$1" ]
}

staged() {
	wc -l <$IMA/ascii_runtime_measurements_staged
}

ctl() {
	imalogctl --store="$STORE" "$@"
}

# field NAME: of the status.
field() {
	ctl status --json | sed -n "s/^ *\"$1\": \([^,]*\),*$/\1/p"
}

is_mounted() {
	grep -q " $VIEW fuse" /proc/mounts
}

# wait_for COMMAND...: until it succeeds, for PATIENCE seconds at most.
wait_for() {
	for _ in $(seq $((PATIENCE * 10))); do
		! "$@" || return 0
		sleep 0.1
	done
	return 1
}

# measure N: as many small files that nobody has seen before.
measure() {
	seq $((made + 1)) $((made + $1)) | while read -r file; do
		echo "$CONTENT, file $file" >"/gen/$file"
	done
	made=$((made + $1))
	(cd /gen && chown $OWNER ./* && cat ./* >/dev/null && rm ./*)
}

# measure_owned: measure nothing but what measure() makes.
measure_owned() {
	mkdir -p /gen
	echo "measure func=FILE_CHECK mask=MAY_READ fowner=$OWNER" >$IMA/policy
}

# each_once: no file is twice in the log.
each_once() {
	ctl export --format=ascii --output="$TMP"/log || return
	grep -v boot_aggregate "$TMP"/log | sort | uniq -d >"$TMP"/twice
	cat "$TMP"/twice
	[ ! -s "$TMP"/twice ]
}

# write_config FILE [LINE]...: a configuration for a guest, in which the LINEs stand last.
write_config() {
	config=$1
	shift
	cat >"$config" <<-END
		[imalog]
		store_dir = $STORE
		mount_dir = $VIEW
		control = /tmp/control
		busy_timeout = 1s
		check_interval = 100ms
		space_left = 0
	END
	printf '%s\n' "$@" >>"$config"
}

# add_users: those of the package, as far as a guest without it needs them
add_users() {
	echo root:x:0:0::/:/bin/sh >/etc/passwd
	echo imalog:x:71:71::/:/bin/sh >>/etc/passwd
	echo imalogfs:x:72:71::/:/bin/sh >>/etc/passwd
	printf '%s\n' root:x:0: imalog:x:71: >/etc/group
}
