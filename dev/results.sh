# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Results as TAP, one after the other, in standard output. Sourced after lib.sh.

NUMBER=0

# result WHAT STATUS: one result, good if STATUS is 0.
result() {
	NUMBER=$((NUMBER + 1))
	if [[ $2 = 0 ]]; then
		echo "ok $NUMBER $1"
	else
		echo "not ok $NUMBER $1"
	fi
}

# check WHAT COMMAND...: one result; the end of what the command says follows a failure.
check() {
	local what=$1 said rc=0
	shift

	said=$("$@" 2>&1 </dev/null) || rc=$?
	[[ -z $LOG ]] || printf '+ %s\n%s\n' "$*" "$said" >>"$LOG"
	result "$what" "$rc"
	[[ $rc = 0 || -z $said ]] || printf '%s\n' "$said" | tail -n 20 | sed 's/^/# /'
}

not() {
	! "$@"
}

# guest_results TAG [PREFIX]: those that a guest left in its console, which is standard input, as
# `TAG| ok WHAT`, and what it said of them as `TAG| # ...`.
guest_results() {
	local line

	while read -r line; do
		case $line in
		'ok '*) result "${2-}${line#ok }" 0 ;;
		'not ok '*) result "${2-}${line#not ok }" 1 ;;
		*) echo "$line" ;;
		esac
	done < <(tr -d '\r' | sed -nE "s/.*$1\\| ((not )?ok |# )/\\1/p")
}
