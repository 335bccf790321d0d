#!/bin/bash
# Proves that the tests can fail: each *.patch in this folder breaks one rule of the program, and the test that its header names
# must find it.
#
#     Mutant: a sentence that says which rule is broken
#     Caught-by: unit test_queue        or        Caught-by: system tests/system/test_takeover.py::test_name
#
# tests/mutants/run.sh [name...] works on a copy of the sources in $MUTANTS (build/mutants), so that nothing here is touched.
set -uo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
work=${MUTANTS:-$root/build/mutants}
mode=${MODE:-asan}
python=/usr/bin/python3

copy() {
    mkdir -p "$work/src"
    git ls-files -z | while IFS= read -r -d '' file; do
        [ -f "$file" ] || continue
        cmp -s "$file" "$work/src/$file" && continue
        mkdir -p "$work/src/$(dirname "$file")"
        cp -p "$file" "$work/src/$file"
        touch "$work/src/$file"
    done
}

build() {
    make -C "$work/src" MODE="$mode" BUILD="$work/build" all unit-binaries >"$work/make.log" 2>&1
}

run_test() { # kind, name
    local kind=$1 name=$2
    if [ "$kind" = unit ]; then
        timeout 120 "$work/build/$mode/tests/unit/$name" </dev/null
    else
        (cd "$work/src" && GUIDEPOST_BUILD="$work/build/$mode" timeout 180 "$python" -m pytest -q -x -p no:cacheprovider "$name" </dev/null)
    fi
}

header() { # patch, key
    sed -nE "s/^$2: (.*)/\1/p" "$1" | head -n 1
}

patches=()
if [ $# -gt 0 ]; then
    for name; do patches+=("tests/mutants/$name.patch"); done
else
    patches=(tests/mutants/*.patch)
fi

copy
caught=0 survived=0
for patch in "${patches[@]}"; do
    name=$(basename "$patch" .patch)
    read -r kind test <<<"$(header "$patch" Caught-by)"
    # Without the last mutant, or what follows would be judged by it.
    if ! build; then
        tail -n 30 "$work/make.log"
        exit 1
    fi
    if ! run_test "$kind" "$test" >"$work/test.log" 2>&1; then
        tail -n 30 "$work/test.log"
        echo "$name: $test fails without the mutant"
        survived=$((survived + 1))
        continue
    fi
    if ! patch -d "$work/src" -p1 --no-backup-if-mismatch <"$patch" >"$work/patch.log" 2>&1; then
        cat "$work/patch.log"
        echo "$name: the patch does not fit any more"
        survived=$((survived + 1))
        copy
        continue
    fi
    if ! build; then
        tail -n 30 "$work/make.log"
        echo "$name: does not compile"
        survived=$((survived + 1))
    elif run_test "$kind" "$test" >"$work/test.log" 2>&1; then
        echo "$name: SURVIVED $test ($(header "$patch" Mutant))"
        survived=$((survived + 1))
    else
        echo "$name: caught by $test ($(header "$patch" Mutant))"
        caught=$((caught + 1))
    fi
    copy
done
echo "mutants: $caught caught, $survived not"
[ $survived -eq 0 ]
