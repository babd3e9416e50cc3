# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What assemble, absorb, patch and check know about the form of the series:
# git mails in patches/, in the order of patches/series, which change files
# that the kernel has, and name with "new-file: PATH" those that it lacks.
# These stand in the repository itself, at their path in the kernel.
#
# Use:  source "${BASH_SOURCE[0]%/*}/series.sh"   (after lib.sh)

# Nothing in the series may depend on who assembles it, or where.
isolate_git() {
	local -a config=(
		safe.directory='*' gc.auto=0 core.abbrev=12 core.autocrlf=false
		core.quotePath=false diff.renames=false diff.mnemonicPrefix=false
		apply.whitespace=nowarn
	)
	local i vars

	vars=$(git rev-parse --local-env-vars)
	# shellcheck disable=SC2086 # a list of names
	unset $vars
	export LC_ALL=C TZ=UTC0 GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
	export GIT_CONFIG_COUNT=${#config[@]}
	for i in "${!config[@]}"; do
		export "GIT_CONFIG_KEY_$i=${config[i]%%=*}"
		export "GIT_CONFIG_VALUE_$i=${config[i]#*=}"
	done
}

# series_patches ROOT: the patches' names in their order, one a line. Stops
# when patches/series and the files beside it do not agree.
series_patches() {
	local root=$1 names file

	[[ -f $root/patches/series ]] ||
		die "there is no series yet: patches/series is missing"
	names=$(sed -e 's/#.*//' -e 's/[[:space:]]*$//' -e '/^$/d' "$root/patches/series")
	[[ -n $names ]] || die "patches/series names no patch"
	file=$(sort <<<"$names" | uniq -d)
	[[ -z $file ]] || die "patches/series names ${file//$'\n'/, } twice"
	while IFS= read -r file; do
		[[ -f $root/patches/$file ]] ||
			die "patches/series names $file, which is not there"
	done <<<"$names"
	for file in "$root"/patches/*.patch; do
		grep -qxF -- "${file##*/}" <<<"$names" ||
			die "patches/series does not name ${file##*/}"
	done
	printf '%s\n' "$names"
}

# claims_of PATCH: the new files that it brings, one a line.
claims_of() {
	sed -n -e '1,/^---$/d' -e '/^diff --git /q' -e 's/^new-file: *//p' -- "$1"
}

# all_claims ROOT: "PATH PATCH" of all patches that stand in patches/.
all_claims() {
	local patch

	for patch in "$1"/patches/*.patch; do
		[[ -f $patch ]] || continue
		claims_of "$patch" | sed "s|\$| ${patch##*/}|"
	done
}

# new_files ROOT [OPTION...]: every file of the repository that is meant for the
# kernel; options of git ls-files choose among them.
new_files() {
	local file

	git -C "$1" ls-files -z --exclude-standard "${@:2}" -- . \
		':!/patches' ':!/dev' ':!/build' ':!/.ci' ':!/.gitignore' \
		':!/Makefile' ':!/README.md' ':!/COPYING' |
	while IFS= read -r -d '' file; do
		[[ -e $1/$file || -L $1/$file ]] || continue
		printf '%s\n' "$file"
	done | sort -u
}

# check_claims ROOT: each new file is brought by exactly one patch. A file that
# git does not know yet may be work that has only begun.
check_claims() {
	local root=$1 claims claimed files unclaimed file

	claims=$(all_claims "$root" | sort)
	claimed=$(cut -d ' ' -f 1 <<<"$claims" | uniq)
	files=$(new_files "$root" --cached --others)
	unclaimed=$(comm -23 <(new_files "$root" --cached) - <<<"$claimed")
	[[ -z $unclaimed ]] ||
		die "no patch brings ${unclaimed//$'\n'/, }: add 'new-file: PATH' lines to one"
	unclaimed=$(comm -23 <(new_files "$root" --others) - <<<"$claimed")
	[[ -z $unclaimed ]] ||
		warn "left out, since no patch brings it:" \
			"$(head -n 3 <<<"$unclaimed" | paste -sd ' ') ($(wc -l <<<"$unclaimed") files)"
	file=$(comm -13 <(printf '%s' "$files") - <<<"$claimed")
	[[ -z ${claims:+$file} ]] ||
		die "a patch brings ${file//$'\n'/, }, which is not there (or ignored by git)"
	file=$(cut -d ' ' -f 1 <<<"$claims" | uniq -d | head -n 1)
	[[ -z $file ]] ||
		die "more than one patch brings $file: $(sed -n "s|^$file ||p" <<<"$claims" | paste -sd ,)"
	for file in $claimed; do
		[[ -f $root/$file && ! -L $root/$file ]] || die "$file is not a regular file"
	done
}

# series_digest ROOT: changes when a patch, their order or a new file changes.
series_digest() {
	local file

	(
		cd "$1" || exit
		for file in patches/series patches/*.patch $(all_claims . | sort | cut -d ' ' -f 1); do
			[[ -f $file ]] || continue
			printf '%s %s ' "$file" "$([[ -x $file ]] && echo x || echo -)"
			git hash-object --no-filters -- "$file"
		done | git hash-object --stdin
	)
}

is_rebasing() {
	[[ -d $(git -C "$1" rev-parse --absolute-git-dir)/rebase-merge ||
	   -d $(git -C "$1" rev-parse --absolute-git-dir)/rebase-apply ]]
}

# check_saved TREE: stop when TREE holds work that would be lost with it.
check_saved() {
	local tree=$1 absorbed hint

	[[ -e $tree ]] || return 0
	hint="run 'make absorb' first, or dev/assemble --force to lose it"
	[[ -e $tree/.git ]] || die "$tree is in the way and was not made by assemble"
	! is_rebasing "$tree" || die "$tree: a rebase or am is not finished there"
	absorbed=$(git -C "$tree" rev-parse -q --verify refs/series/absorbed) ||
		die "$tree was not made by assemble; $hint"
	[[ -z $(git -C "$tree" status --porcelain) ]] ||
		die "$tree has changes that are not committed; commit them and $hint"
	[[ -z $(git -C "$tree" rev-list -n 1 --all HEAD --not "$absorbed") ]] ||
		die "$tree has commits that were not absorbed; $hint"
}
