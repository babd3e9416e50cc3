#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Tests of assemble, absorb and patch, with a small series on a small "kernel".
# With a name, or a part of it, only the tests of that name.

source "${BASH_SOURCE[0]%/*}/../lib.sh"
# shellcheck source=dev/tests/results.sh
source "$ROOT/dev/tests/results.sh"

WANTED=${1:-}
IMA=security/integrity/ima

# ---- the small kernel, and a series for it --------------------------------

make_kernel() {
	mkdir -p "$1/$IMA" "$1/include/linux"
	cat >"$1/Makefile" <<-'END'
		# SPDX-License-Identifier: GPL-2.0
		VERSION = 6
		PATCHLEVEL = 12
		SUBLEVEL = 999
	END
	echo 'obj-y += security/' >"$1/Kbuild"
	seq -f 'line %g of the queue' 40 >"$1/$IMA/ima_queue.c"
	seq -f 'line %g of the header' 20 >"$1/$IMA/ima.h"
	echo 'obj-y := ima_queue.o' >"$1/$IMA/Makefile"
	echo 'an untouched file' >"$1/include/linux/ima.h"
}

commit() {
	git add -A
	git commit -q -F -
}

# make_history: the series as commits, in the current folder.
make_history() {
	git init -q -b series .
	echo 'unpatched' | commit
	sed -i '10s/$/, mended/' $IMA/ima_queue.c
	printf 'ima: Mend line 10\n\nIt was broken.\n\n    indented\n# not a comment\n' | commit
	sed -i '30s/$/, mended as well/' $IMA/ima_queue.c
	printf 'ima: Mend line 30\n\nFür alle.\n' | commit
	echo 'int ima_list;' >$IMA/ima_list.c
	printf '#!/bin/sh\ntrue\n' >$IMA/run.sh
	chmod 755 $IMA/run.sh
	echo 'obj-y += ima_list.o' >>$IMA/Makefile
	echo 'ima: Add a list with a subject that is so long that it is folded in the mail' | commit
	echo 'int ima_n;' >$IMA/ima_staging_n.c
	sed -i '5s/.*/int n(void);/' $IMA/ima.h
	echo 'ima: Stage and delete N' | commit
}

# make_template: what each test gets a copy of: kernel/ and repo/, assembled.
make_template() {
	local at=$TEMP/template

	mkdir -p "$at/repo/dev"
	make_kernel "$at/kernel"
	cp -a "$at/kernel" "$at/history"
	(cd "$at/history" && make_history) || die "cannot make a series to test with"
	cp "$ROOT"/dev/{lib.sh,series.sh,setup,packages,base,assemble,absorb,patch} "$at/repo/dev/"
	cp "$ROOT/.gitignore" "$at/repo/"
	git init -q "$at/repo"
	cd "$at/repo"
	export BASE=$at/kernel
	dev/absorb --from "$at/history" --base :/unpatched >"$at/out" 2>&1 ||
		die "absorb: $(tail -n 1 "$at/out")"
	printf 'ima: A small series\n\nFor tests.\n' >patches/cover-letter.txt
	dev/assemble >"$at/out" 2>&1 || die "assemble: $(tail -n 1 "$at/out")"
	git add -A
	git commit -q -m "a repository to test with"
}

# ---- how a test is written -------------------------------------------------

# fail TEXT: what was expected.
fail() {
	printf '%s\n' "$*" >&2
	exit 1
}

# refused TEXT COMMAND...: it fails, and says TEXT.
refused() {
	local text=$1
	shift
	if "$@" >"$OUT" 2>&1; then
		fail "not refused: $*"
	fi
	grep -qF -- "$text" "$OUT" || fail "no '$text' in: $(cat "$OUT")"
}

# works COMMAND...
works() {
	"$@" >"$OUT" 2>&1 || fail "$*: $(cat "$OUT")"
}

# state FOLDER...: everything in them: names, modes, contents, commits.
state() {
	local folder

	for folder; do
		(
			cd "$folder"
			find . -name .git -prune -o -name build -prune -o -type f -printf '%m %p ' \
				-exec sha1sum {} \;
			find . -name .git -prune -o -name build -prune -o -type d -print
			[[ ! -e .git ]] || git log --all --format='%H %D'
		) | sort
	done
}

# unchanged FOLDER COMMAND...: COMMAND leaves FOLDER as it is.
unchanged() {
	local folder=$1 before
	shift
	before=$(state "$folder")
	"$@"
	[[ $(state "$folder") == "$before" ]] ||
		fail "$folder changed: $(diff <(echo "$before") <(state "$folder"))"
}

in_tree() {
	(cd build/tree && "$@")
}

# edit SED FILE SUBJECT: a commit in build/tree.
edit() {
	in_tree sed -i "$1" "$2"
	in_tree git commit -q -a -m "$3"
}

subjects() {
	git -C "$1" log --reverse --format=%s refs/series/base..HEAD
}

# ---- assemble ----------------------------------------------------------------

test_the_series_is_assembled_as_it_was_committed() {
	git -C ../history log --format='%T %an %ae %at %B' :/unpatched..HEAD >expected
	git init -q ../all
	cp -a ../kernel/. ../all
	git -C ../all add -A
	git -C ../all commit -q -m base
	works git -C ../all am -q "$PWD"/build/series/000[1-9]*
	git -C ../all log -n 4 --format='%T %an %ae %at %B' >found
	diff expected found || fail "the mails make other commits"
}

test_git_am_of_the_mails_gives_the_tree() {
	git clone -q build/tree ../am
	git -C ../am reset -q --hard :/Linux
	works git -C ../am am -q "$PWD"/build/series/000[1-9]*
	[[ $(git -C ../am rev-parse 'HEAD^{tree}') == $(git -C build/tree rev-parse 'HEAD^{tree}') ]] ||
		fail "another tree"
}

test_whoever_assembles_gets_the_same() {
	mkdir ../home
	git config --file ../home/.gitconfig diff.noprefix true
	git config --file ../home/.gitconfig format.signature 'me myself'
	git config --file ../home/.gitconfig user.name 'Somebody Else'
	mv build/series ../series
	mv build/tree ../tree
	works env HOME="$PWD/../home" TZ=Asia/Tokyo LC_ALL=C.UTF-8 COLUMNS=200 dev/assemble
	diff -r ../series build/series || fail "other mails"
	! grep -E '^-- |[0-9a-f]{40}' build/series/* | grep -v ':From 0\{40\} ' ||
		fail "mails that depend on who made them"
	[[ $(git -C ../tree rev-parse HEAD) == $(git -C build/tree rev-parse HEAD) ]] ||
		fail "other commits"
}

test_patches_go_in_the_order_of_the_series_file() {
	mv patches/0001-* patches/one
	mv patches/0002-* patches/0001-b.patch
	mv patches/one patches/0002-a.patch
	sed -i -e '1c 0002-a.patch' -e '2c 0001-b.patch' patches/series
	works dev/assemble
	[[ $(subjects build/tree | head -n 2) == $'ima: Mend line 10\nima: Mend line 30' ]] ||
		fail "order: $(subjects build/tree)"
	sed -i -e '1c 0001-b.patch' -e '2c 0002-a.patch' patches/series
	works dev/assemble
	[[ $(subjects build/tree | head -n 2) == $'ima: Mend line 30\nima: Mend line 10' ]] ||
		fail "order: $(subjects build/tree)"
}

test_the_series_file_and_the_patches_agree() {
	cp patches/0001-* patches/0009-more.patch
	refused 'patches/series does not name 0009-more.patch' dev/assemble
	mv patches/0009-more.patch ..
	sed -i '1p' patches/series
	refused 'twice' dev/assemble
	sed -i '1c 0008-gone.patch' patches/series
	refused 'names 0008-gone.patch, which is not there' dev/assemble
}

test_fuzz_is_refused() {
	sed -i '7s/$/ differs/' ../kernel/$IMA/ima_queue.c
	unchanged build/tree refused "patch failed: $IMA/ima_queue.c" dev/assemble
	grep -q 'patch 0001-mend-line-10.patch' "$OUT" || fail "$(cat "$OUT")"
}

test_an_offset_is_taken_and_said() {
	sed -i '1i one more line' ../kernel/$IMA/ima_queue.c
	works dev/assemble
	grep -q '2 hunks stand at other lines' "$OUT" || fail "$(cat "$OUT")"
	sed -n 11p build/linux/$IMA/ima_queue.c | grep -q 'line 10 .*mended' || fail "wrong line"
}

test_a_patch_that_the_kernel_has_is_named() {
	cp build/linux/$IMA/ima_queue.c ../kernel/$IMA/
	refused '0001-mend-line-10.patch is in the kernel source already' dev/assemble
}

test_a_new_file_brought_twice_is_refused() {
	sed -i "/^---\$/a new-file: $IMA/ima_list.c" patches/0004-*
	unchanged build/tree refused "more than one patch brings $IMA/ima_list.c" dev/assemble
}

test_a_new_file_brought_by_none_is_refused() {
	touch $IMA/ima_more.c
	works dev/assemble
	grep -q "left out, since no patch brings it: $IMA/ima_more.c" "$OUT" || fail "not said"
	git add $IMA/ima_more.c
	unchanged build/tree refused "no patch brings $IMA/ima_more.c" dev/assemble
}

test_a_new_file_that_is_missing_is_refused() {
	rm $IMA/ima_list.c
	unchanged build/tree refused "a patch brings $IMA/ima_list.c, which is not there" dev/assemble
}

test_a_new_file_that_the_kernel_has_is_refused() {
	echo 'other' >../kernel/$IMA/ima_list.c
	unchanged build/tree refused 'which the kernel source has already' dev/assemble
}

test_a_new_file_in_a_hunk_is_refused() {
	cp build/series/0004-* patches/0004-stage-and-delete-n.patch
	rm $IMA/ima_staging_n.c
	unchanged build/tree refused 'creates a file in a hunk' dev/assemble
}

test_unabsorbed_work_is_kept() {
	edit '1s/$/ edited/' $IMA/ima_queue.c 'ima: Edit'
	unchanged build/tree refused 'commits that were not absorbed' dev/assemble
	in_tree git branch side
	in_tree git reset -q --hard HEAD~
	unchanged build/tree refused 'commits that were not absorbed' dev/assemble
	in_tree git branch -q -D side
	echo >>build/tree/$IMA/ima.h
	unchanged build/tree refused 'changes that are not committed' dev/assemble
	works dev/assemble --force
	[[ -z $(in_tree git status --porcelain) ]] || fail "--force left changes"
}

test_stage_and_delete_n_can_be_left_out() {
	works dev/assemble --tree ../part/tree --series ../part/series --linux ../part/linux \
		--without '*-delete-n.patch'
	[[ $(subjects ../part/tree | wc -l) == 3 && ! -e ../part/linux/$IMA/ima_staging_n.c &&
	   -e ../part/linux/$IMA/ima_list.c ]] || fail "not the right part"
	compgen -G '../part/series/0003-*' >/dev/null || fail "no mails"
	cmp ../part/linux/$IMA/ima.h ../kernel/$IMA/ima.h || fail "its hunks are there"
	works dev/assemble --tree ../part/same --without-n
	[[ $(git -C ../part/same rev-parse HEAD) == $(git -C ../part/tree rev-parse HEAD) ]] ||
		fail "--without-n leaves out something else"
	refused 'holds a part of the series' dev/absorb --from ../part/tree
	refused 'no patch of the series is called *-m.patch' \
		dev/assemble --tree ../part/tree --without '*-m.patch'
	unchanged build/tree refused 'a place of its own' dev/assemble --without '*-delete-n.patch'
}

test_a_series_can_end_early() {
	works dev/assemble --tree ../part/tree --until '0002-*'
	[[ $(subjects ../part/tree | tail -n 1) == 'ima: Mend line 30' &&
	   ! -e ../part/tree/$IMA/ima_list.c ]] || fail "$(subjects ../part/tree)"
}

test_the_source_tree_is_only_touched_where_needed() {
	find build/linux -type f -exec touch -d '2001-01-01' {} +
	echo '/* more */' >>$IMA/ima_list.c
	works dev/assemble
	[[ $(find build/linux -type f -newermt 2002-01-01) == build/linux/$IMA/ima_list.c ]] ||
		fail "touched: $(find build/linux -type f -newermt 2002-01-01)"
	cmp $IMA/ima_list.c build/linux/$IMA/ima_list.c || fail "not updated"
}

test_the_source_tree_forgets_what_left_the_series() {
	rm patches/0004-* $IMA/ima_staging_n.c
	sed -i 4d patches/series
	works dev/assemble
	[[ ! -e build/linux/$IMA/ima_staging_n.c ]] || fail "a new file is left"
	cmp build/linux/$IMA/ima.h ../kernel/$IMA/ima.h || fail "a hunk is left"
	[[ -e build/linux/$IMA/ima_list.c ]] || fail "too much is gone"
}

test_the_source_tree_is_the_kernel_and_the_series() {
	cp -a ../kernel ../whole
	git -C build/tree archive HEAD | tar -C ../whole -xf -
	diff -r ../whole build/linux || fail "differs"
	[[ -x build/linux/$IMA/run.sh ]] || fail "a mode is lost"
	# Another release of the kernel, whose files are not newer.
	echo 'changed' >../kernel/include/linux/ima.h
	sed -i 's/999/998/' ../kernel/Makefile
	touch -d '2001-01-01' ../kernel/include/linux/ima.h ../kernel/Makefile
	works dev/assemble
	cmp ../kernel/include/linux/ima.h build/linux/include/linux/ima.h || fail "the old release"
	[[ -e build/linux/$IMA/ima_list.c ]] || fail "the series is gone"
}

# ---- absorb --------------------------------------------------------------------

test_a_round_trip_changes_no_byte() {
	cp -a build/series ../series
	unchanged . works dev/absorb
	works dev/assemble
	diff -r ../series build/series || fail "other mails"
}

test_edits_arrive_where_they_belong() {
	in_tree sed -i 's/int/long/' $IMA/ima_list.c
	in_tree git commit -q -a --fixup=':/ima: Add a list'
	in_tree env GIT_SEQUENCE_EDITOR=true git rebase -q -i --autosquash refs/series/base
	edit '15s/$/, mended too/' $IMA/ima_queue.c 'ima: Mend line 15'
	works dev/absorb
	grep -q 'long ima_list' $IMA/ima_list.c || fail "the new file is the old one"
	[[ $(wc -l <patches/series) == 5 && -e patches/0005-mend-line-15.patch ]] ||
		fail "$(cat patches/series)"
	works git diff --quiet HEAD -- patches/0001* patches/0002* patches/0003* patches/0004* $IMA/ima_staging_n.c
	works dev/assemble
	cmp <(in_tree git show HEAD:$IMA/ima_queue.c) build/linux/$IMA/ima_queue.c || fail "other bytes"
}

test_a_patch_keeps_its_name() {
	local name=0003-the-list.patch

	mv patches/0003-* patches/$name
	sed -i "3c $name" patches/series
	works dev/assemble
	works dev/absorb
	[[ -e patches/$name ]] || fail "$(cat patches/series)"
}

test_a_commit_may_leave() {
	in_tree git reset -q --hard HEAD~
	works dev/absorb
	[[ ! -e $IMA/ima_staging_n.c && $(wc -l <patches/series) == 3 ]] || fail "it is still there"
	works dev/assemble
}

test_a_new_file_changed_later_is_refused() {
	edit 's/int/long/' $IMA/ima_list.c 'ima: Change the list'
	unchanged . refused 'git commit --fixup' dev/absorb
	grep -q 'changes security/integrity/ima/ima_list.c, which .*Add a list' "$OUT" || fail "$(cat "$OUT")"
}

test_a_file_of_the_kernel_is_not_a_new_file() {
	mkdir -p build/tree/include/linux
	echo 'other' >build/tree/include/linux/ima.h
	in_tree git add -A
	in_tree git commit -q -m 'ima: Add a header'
	unchanged . refused 'which the kernel has' dev/absorb
	works dev/assemble --force --also include/linux/ima.h
	edit 's/untouched/touched/' include/linux/ima.h 'ima: Touch'
	works dev/absorb
	grep -q '^+an touched file' patches/0005-touch.patch || fail "no hunk"
}

test_only_what_is_finished_is_absorbed() {
	echo >>build/tree/$IMA/ima.h
	unchanged . refused 'not committed' dev/absorb
	in_tree git commit -q -a --fixup=HEAD
	unchanged . refused 'autosquash' dev/absorb
	in_tree git reset -q --hard HEAD~
	in_tree git checkout -q -b side HEAD~
	edit '20s/$/ x/' $IMA/ima_queue.c 'ima: Side'
	in_tree git checkout -q series
	in_tree git merge -q side -m 'merge'
	unchanged . refused 'is a merge' dev/absorb
}

test_changes_made_here_meanwhile_are_kept() {
	edit '15s/$/, mended too/' $IMA/ima_queue.c 'ima: Mend line 15'
	echo '/* more */' >>$IMA/ima_list.c
	unchanged . refused 'changed since' dev/absorb
	git checkout -q $IMA/ima_list.c
	sed -i 's/It was broken/It was not whole/' patches/0001-*
	unchanged . refused 'changed since' dev/absorb
	works dev/absorb --force
	works git diff --quiet HEAD -- patches/0001*
}

test_a_first_series_comes_from_any_git_tree() {
	rm ../history/.git/series-input
	refused 'would be replaced' dev/absorb --from ../history --base :/unpatched
	mv patches/cover-letter.txt ..
	git -c core.quotePath=false rm -q -r --cached patches security
	cp -a $IMA/ima_list.c ../
	rm -r patches security
	mkdir -p $IMA
	echo 'written here' >$IMA/ima_list.c
	unchanged . refused 'here is another one' dev/absorb --from ../history --base :/unpatched
	cp ../ima_list.c $IMA/
	works dev/absorb --from ../history --base :/unpatched
	mv ../cover-letter.txt patches/
	git add -A
	works git diff --quiet HEAD --
	works dev/absorb --from ../history --base :/unpatched
}

test_another_kernel_to_start_from_is_refused() {
	sed -i '1s/$/ differs/' ../kernel/$IMA/ima_queue.c
	unchanged . refused 'is not that of the unpatched kernel' dev/absorb
}

test_an_error_while_replacing_loses_nothing() {
	local n

	in_tree sed -i 's/int/long/' $IMA/ima_list.c
	in_tree git commit -q -a --fixup=':/ima: Add a list'
	in_tree env GIT_SEQUENCE_EDITOR=true git rebase -q -i --autosquash refs/series/base
	mkdir ../bin
	# A mv that fails once, when it is called for the Nth time on this repository.
	cat >../bin/mv <<-'END'
		#!/bin/bash
		if [[ "$*" == *absorb.old* || "$*" == */out/* ]]; then
			n=$(($(cat "$COUNTER") - 1))
			echo $n >"$COUNTER"
			[[ $n -ne 0 ]] || { echo 'mv: no space left' >&2; exit 1; }
		fi
		exec /bin/mv "$@"
	END
	chmod +x ../bin/mv
	for n in 1 2 3 4; do
		echo $n >../counter
		unchanged . refused 'no space left' \
			env COUNTER="$PWD/../counter" PATH="$PWD/../bin:$PATH" dev/absorb
	done
	works dev/absorb
	grep -q long $IMA/ima_list.c || fail "not absorbed"
}

# ---- patch -----------------------------------------------------------------------

# user_tree [git]: a kernel of somebody.
user_tree() {
	cp -a ../kernel ../user
	[[ -n ${1:-} ]] || return 0
	git init -q ../user
	git -C ../user add -A
	git -C ../user commit -q -m 'my kernel'
}

test_a_plain_tree_is_patched() {
	user_tree
	works dev/patch ../user
	diff -r ../user build/linux || fail "another tree"
	unchanged ../user refused 'is applied there' dev/patch ../user
}

test_a_plain_tree_inside_a_git_tree_is_patched() {
	user_tree
	mv ../user build/user
	works dev/patch build/user
	diff -r build/user build/linux || fail "another tree"
}

test_a_git_tree_gets_commits() {
	user_tree git
	works dev/patch ../user
	[[ $(git -C ../user log --format=%s -n 4 --reverse) == "$(subjects build/tree)" ]] ||
		fail "$(git -C ../user log --oneline)"
	diff -r -x .git ../user build/linux || fail "another tree"
	unchanged ../user refused 'is applied there' dev/patch ../user
}

test_a_tree_at_other_lines_is_patched() {
	user_tree
	sed -i '1i one more' ../user/$IMA/ima_queue.c
	works dev/patch ../user
	grep -q '2 hunks stand at other lines' "$OUT" || fail "$(cat "$OUT")"
	[[ $(sed 1d ../user/$IMA/ima_queue.c) == "$(cat build/linux/$IMA/ima_queue.c)" ]] ||
		fail "wrong lines"
}

test_a_tree_that_does_not_fit_is_refused() {
	user_tree
	sed -i '31s/$/ differs/' ../user/$IMA/ima_queue.c
	unchanged ../user refused "patch 0002-mend-line-30.patch: patch failed: $IMA/ima_queue.c" \
		dev/patch ../user
	git init -q ../user
	git -C ../user add -A
	git -C ../user commit -q -m 'my kernel'
	unchanged ../user refused "patch 0002-mend-line-30.patch: patch failed: $IMA/ima_queue.c" \
		dev/patch ../user
}

test_other_folders_are_refused() {
	mkdir ../empty
	unchanged ../empty refused 'is not a kernel source tree' dev/patch ../empty
	refused 'is not a folder' dev/patch ../none
	refused 'make patch KERNEL=dir' dev/patch ''
	user_tree
	sed -i 's/= 12/= 13/' ../user/Makefile
	unchanged ../user refused 'is Linux 6.13.999; the series is for 6.12' dev/patch ../user
}

test_a_dirty_git_tree_is_refused() {
	user_tree git
	echo >>../user/include/linux/ima.h
	unchanged ../user refused 'changes that are not committed' dev/patch ../user
	git -C ../user add -A
	unchanged ../user refused 'changes that are not committed' dev/patch ../user
	git -C ../user reset -q --hard
	git -C ../user rm -q --cached $IMA/ima.h
	git -C ../user commit -q -m 'forget'
	unchanged ../user refused "git does not know $IMA/ima.h" dev/patch ../user
}

test_a_git_tree_that_git_am_leaves_is_as_before() {
	user_tree git
	cat >../user/.git/hooks/pre-applypatch <<-'END'
		#!/bin/sh
		! git diff --cached --name-only | grep -q ima_list
	END
	chmod +x ../user/.git/hooks/pre-applypatch
	unchanged ../user refused 'git am refuses' dev/patch ../user
	[[ -z $(git -C ../user status --porcelain) ]] || fail "something is left"
	[[ ! -e ../user/.git/rebase-apply ]] || fail "am is not finished"
}

# as_quilt PATCHES: what quilt push -a does.
as_quilt() {
	local name

	while IFS= read -r name; do
		works patch -d ../user -p1 --fuzz=0 -i "$1/$name"
	done <"$1/series"
}

test_quilt_patches_can_be_had() {
	user_tree
	works dev/patch --format quilt ../user
	as_quilt "$PWD/../user/patches"
	diff -r -x patches ../user build/linux || fail "another tree"
	unchanged ../user refused 'is applied there' dev/patch --format quilt ../user
}

test_a_debian_package_gets_its_patches_at_the_end() {
	user_tree
	mkdir -p ../user/debian/patches
	printf 'own.patch' >../user/debian/patches/series
	works dev/patch --format quilt ../user
	[[ $(head -n 1 ../user/debian/patches/series) == own.patch ]] || fail "order"
	sed -i 1d ../user/debian/patches/series
	unchanged ../user refused 'is there already' dev/patch --format quilt ../user
	as_quilt "$PWD/../user/debian/patches"
	diff -r -x debian ../user build/linux || fail "another tree"
}

# ---- run them ------------------------------------------------------------------

run_test() {
	local name=$1 said=${1#test_} rc

	rm -rf -- "$TEMP/here"
	cp -a "$TEMP/template" "$TEMP/here"
	set +e
	(
		set -e
		cd "$TEMP/here/repo"
		export BASE=$TEMP/here/kernel
		sed -i "1s|/template/|/here/|" build/linux.files
		"$name"
	) >"$TEMP/said" 2>&1
	rc=$?
	set -e
	result "${said//_/ }" "$((rc == 0))"
}

main() {
	local name

	make_temp test-series
	OUT=$TEMP/out
	unset BUILD GIT_DIR
	export HOME=$TEMP GIT_CONFIG_NOSYSTEM=1 LC_ALL=C.UTF-8
	git config --global user.name 'Tést Author'
	git config --global user.email author@example.org
	make_template
	for name in $(compgen -A function test_); do
		[[ $name == *"${WANTED// /_}"* ]] || continue
		run_test "$name"
	done
	results_end
}

main "$@"
