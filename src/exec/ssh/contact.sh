# The target's side of a connection, for any POSIX shell. client.c has it read from standard input and evaluated; what it
# says is read by framing.h. Values come as lines and are never evaluated.
#
# The truth about a run is in its directory $HOME/.guidepost/runs/<installation>/<deployment>/<run>:
#     lock       flock is held by its supervisor (supervise.sh) for as long as that lives
#     started    "<boot id> <supervisor pid>", before the script runs
#     exit.new   room for the end, so that a full disk does not hide it
#     exit       "<word> <number>", the end, on disk before it has this name
#     void       by whoever found, with the lock, that nothing had started: nothing will
#     out.<n>    output from its byte n on
#     told       the end is known where it was asked for: the output is removed, and after a week the rest
# Who makes the directory starts the run, once. A contact only follows: it may go away and another one may come.
LC_ALL=C
mask=$(umask)
umask 077
newline='
'
boot=-
read -r boot </proc/sys/kernel/random/boot_id
missing=
for tool in dd env flock mkdir mkfifo mv rm setsid sleep sync wc; do
    command -v $tool >/dev/null 2>&1 || missing="$missing $tool"
done
# As a program it would show all values to whoever lists the processes.
case $(command -v printf) in
*/*) missing="$missing printf(builtin)" ;;
esac
printf '\nguidepost 1 %s%s\n' "$boot" "$missing"

mode='' name='' at=0 values='' text='' line=''
while IFS= read -r line; do
    case $line in
    "mode "*) mode=${line#mode } ;;
    "name "*) name=${line#name } ;;
    "at "*) at=${line#at } ;;
    "value "*) values=$values${line#value }$newline ;;
    "text "*) text=$text${line#text }$newline ;;
    go) break ;;
    esac
done
[ "$line" = go ] && [ -n "$name" ] || exit 0
cd 2>/dev/null || {
    [ "$mode" = start ] && echo 'n 2 the login folder is not there' || echo 'u the login folder is not there'
    exit 0
}
base=$HOME/.guidepost
dir=$base/runs/$name
segment=
exec 3<&0 </dev/null

# Something forbids that the run starts, in words of mkdir.
refuse() {
    case $1 in
    *"No space"* | *quota*) number=28 ;;
    *Read-only*) number=30 ;;
    *denied*) number=13 ;;
    *) number=5 ;;
    esac
    printf 'n %s the run directory cannot be made: %s\n' "$number" "${1##*: }"
    exit 0
}

make_dir() {
    mkdir "$dir" 2>/dev/null || {
        trouble=$(mkdir -p "${dir%/*}" "$base/locks" 2>&1) && trouble=$(mkdir "$dir" 2>&1)
    }
}

# The supervisor answers by closing its output: it has started the script, or says why not.
start() {
    make_dir || {
        [ ! -d "$dir" ] || { echo 'g 17' && exit 0; }
        refuse "$trouble"
    }
    flock -s "$dir/lock" true 2>/dev/null || refuse 'its files cannot be locked'
    printf '%s' "$text" 2>/dev/null >"$dir/supervise" || refuse 'No space left on device'
    answer=$(printf '%s' "$values" |
        env -i HOME="$HOME" USER="${USER-}" LOGNAME="${LOGNAME-}" SHELL="${SHELL-}" PATH="$PATH" \
            setsid sh "$dir/supervise" "$dir" "$boot" "$mask" 3<&- 2>"$dir/trouble" &)
    [ -z "$answer" ] || { printf 'n %s\n' "$answer" && exit 0; }
}

# Who gets the lock of a run that has not started gives it up for good.
settle() {
    {
        flock -n 7 && [ ! -e "$dir/exit" ] && [ ! -e "$dir/started" ] && : >"$dir/void"
    } 2>/dev/null 7>>"$dir/lock"
}

attach() {
    make_dir || [ -d "$dir" ] || { printf 'u %s\n' "${trouble##*: }" && exit 0; }
    settle
}

# Which segment has the byte `at`, or else the first one behind it.
find_segment() {
    before='' behind=''
    for file in "$dir"/out.*; do
        n=${file##*.}
        if [ "$n" = '*' ]; then
            return 1
        elif [ "$n" -le "$at" ]; then
            [ -n "$before" ] && [ "$before" -gt "$n" ] || before=$n
        else
            [ -n "$behind" ] && [ "$behind" -lt "$n" ] || behind=$n
        fi
    done
    found=$before
    if [ -n "$behind" ]; then
        size=0
        [ -z "$before" ] || size=$(wc -c <"$dir/out.$before") || return 1
        [ $((before + size)) -gt "$at" ] || found=$behind
    fi
}

open_segment() {
    segment=''
    command exec 2>/dev/null 5<"$dir/out.$found" || return 1
    segment=$found
    if [ "$segment" -gt "$at" ]; then
        at=$segment
        printf 'o %s 0\n' "$at"
    elif [ "$at" -gt "$segment" ]; then
        dd bs=$((at - segment)) count=1 <&5 >/dev/null 2>&1
    fi
}

# Says what output there is from the byte `at` on, but not so much that nobody is heard meanwhile. Segments may be deleted
# under its hands.
pump() {
    turns=0
    while [ $((turns += 1)) -le 8 ]; do
        find_segment || return 0
        [ "$found" = "$segment" ] || open_segment || continue
        size=$(wc -c 2>/dev/null <"$dir/out.$segment") || continue
        size=$((segment + size - at))
        [ "$size" -gt 0 ] || return 0
        printf 'o %s %s\n' "$at" "$size"
        dd bs="$size" count=1 <&5 2>/dev/null
        at=$((at + size))
    done
    return 1
}

# The supervisor is gone, and with it all that would be said.
report() {
    until pump; do :; done
    until [ -e "$dir/exit" ] || [ -e "$dir/started" ] || [ -e "$dir/void" ]; do
        settle || sleep 1
    done
    if [ -e "$dir/exit" ]; then
        read -r word number <"$dir/exit"
        printf 'x %s %s\n' "$word" "$number"
    elif [ -e "$dir/started" ]; then
        was=
        read -r was pid <"$dir/started"
        [ "$was" = "$boot" ] && echo 'g 3' || echo 'g 116'
    else
        echo v
    fi
}

stop() {
    read -r was pid <"$dir/started" && [ "$was" = "$boot" ] && ! flock -sn "$dir/lock" true && kill "$pid"
}

# Once a day: what was told a week ago, and what ended a month ago and was never told.
clean() {
    [ -n "$(find "$base/cleaned" -mtime -1 2>/dev/null)" ] && return
    : >"$base/cleaned"
    find "$base/runs" -type f \( -name told -mtime +7 -o -name exit -mtime +30 -o -name void -mtime +30 \) |
        while IFS= read -r file; do
            rm -rf "${file%/*}"
            rmdir "${file%/*/*}"
        done
} 2>/dev/null

told() {
    : >"$dir/told"
    rm -f "$dir"/out.* "$dir/supervise" "$dir/trouble" "$dir/pipe"
    clean
}

# What there is to react to comes as lines from three helpers: time passes, the supervisor is gone, guidepost-ssh says
# something or is gone.
watch() {
    while sleep 0.4 || sleep 1; do
        echo tick
    done 3<&- &
    helpers=$!
    {
        flock -s "$dir/lock" true &
        trap 'kill $!' TERM
        wait $! && echo gone || echo quit
    } 3<&- &
    helpers="$helpers $!"
    {
        while read -r line; do
            echo "$line"
        done
        echo quit
    } <&3 &
    echo "helpers $helpers $!"
} 2>/dev/null

follow() {
    helpers='' silence=0
    while read -r event rest; do
        case $event in
        helpers) helpers=$rest ;;
        tick)
            pump
            silence=$((silence + 1))
            [ $((silence % 4)) -ne 0 ] || echo h
            [ $silence -lt 150 ] || break
            ;;
        gone) report ;;
        here) silence=0 ;;
        stop) stop ;;
        told) told && break ;;
        quit) break ;;
        esac
    done
    # shellcheck disable=SC2086 # three of them
    kill $helpers 2>/dev/null
}

case $mode in
start) start ;;
attach) attach ;;
esac
[ ! -e "$dir/started" ] || echo s
watch | follow
exit 0
