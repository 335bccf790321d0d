# Runs one script on the target to its end, whatever becomes of the connection: sh supervise <run directory> <boot id>
# <umask>, with the values on standard input. Standard output is closed when the script has started; else it says
# "<errno> <why>".
LC_ALL=C
dir=$1 boot=$2 mask=$3
umask 077

# Nothing was started, and nobody will: we have the lock.
refuse() {
    command : >"$dir/void"
    echo "$*"
    exit 1
}

# Here and below `command` keeps a redirection that fails from ending the shell.
command exec 9>>"$dir/lock" && flock -n 9 && [ ! -e "$dir/void" ] || exit 1

# Bytes that a line cannot carry come as \0ooo; the x keeps newlines at the end.
decode() {
    case $value in
    *\\*)
        value=$(printf '%bx' "$value")
        value=${value%x}
        ;;
    esac
}

script='' work='' lock='' timeout=0 quiet=0 grace=10 key=''
set --
while [ "$key" != end ]; do
    IFS=' ' read -r key value || refuse 103 'the instructions are cut off'
    decode
    case $key in
    env) set -- "$@" "$value" ;;
    script) script=$value ;;
    work-dir) work=$value ;;
    target-lock) lock=$value ;;
    timeout-ms) timeout=$value ;;
    quiet-ms) quiet=$value ;;
    kill-ms) grace=$(((value + 999) / 1000)) ;;
    esac
done
exec </dev/null

{ printf '%64s' '' >"$dir/exit.new" && mkfifo "$dir/pipe"; } || refuse 28 'the disk is full'
if [ -n "$lock" ]; then
    command exec 8>>"$HOME/.guidepost/locks/$lock.lock" || refuse 28 'the lock of the target cannot be made'
    # The script inherits it: it stays held when we are killed and the script goes on.
    flock -n 8 || refuse 11 'another step runs on this target'
fi
case $work in
/* | '') ;;
*) work=./$work ;;
esac
cd -- "${work:-$HOME}" 2>/dev/null || {
    [ -d "$work" ] && refuse 13 'the work directory may not be entered'
    refuse 2 'the work directory is not there'
}
unset OLDPWD

# Reads output into segments. Kept are the first 512 KiB and about the last 1 MiB, which is more than is kept at the
# other end. What a full disk does not take is skipped.
save() {
    at=0 tail=0
    set --
    trap 'kill $reader; over=1' TERM
    over=
    while :; do
        dd bs=2048 count=256 of="$dir/out.$at" <&4 2>/dev/null &
        reader=$!
        wait $reader && status=0 || status=$?
        [ -z "$over" ] || wait $reader
        size=$(wc -c <"$dir/out.$at") || size=0
        [ "$status" -ne 0 ] && [ -z "$over" ] && size=$((size + $(dd bs=2048 count=256 <&4 2>/dev/null | wc -c)))
        if [ "$size" -eq 0 ]; then
            return
        fi
        if [ $at -ge 524288 ]; then
            set -- "$@" $at "$size"
            tail=$((tail + size))
        fi
        at=$((at + size))
        [ -z "$over" ] || return
        while [ $tail -gt 1048576 ]; do
            rm -f "$dir/out.$1"
            tail=$((tail - $2))
            shift 2
        done
    done
}

# The newest segment and its size: it stays the same while nothing is written.
newest() {
    last=0
    for file in "$dir"/out.*; do
        n=${file##*.}
        [ "$n" = '*' ] || [ "$n" -lt "$last" ] || last=$n
    done
    now=$last.$(wc -c 2>/dev/null <"$dir/out.$last")
}

clock() {
    age=0 silence=0 before='' kind=0
    while sleep 1; do
        age=$((age + 1))
        if [ "$timeout" -gt 0 ] && [ $((age * 1000)) -ge "$timeout" ]; then
            kind=USR1
            break
        fi
        [ "$quiet" -gt 0 ] || continue
        newest
        [ "$now" = "$before" ] || silence=0
        before=$now
        silence=$((silence + 1))
        if [ $((silence * 1000)) -gt "$quiet" ]; then
            kind=USR2
            break
        fi
    done
    # A shell that is about to wait may miss it. When the supervisor was killed its pid may be somebody else's.
    until flock -sn "$dir/lock" true; do
        kill -s $kind $$
        sleep 1
    done
}

# The pairs of the environment, then the script, setsid and sh. No variable may be used here, as the script's may have
# its name.
run() {
    while [ $# -gt 3 ]; do
        # shellcheck disable=SC2163 # a name with its value
        export "$1"
        shift
    done
    exec "$2" "$3" -e -c "$1"
}

# Whether the script's own process runs. For kill -0 the dead that nobody reaped are there, too.
runs() {
    read -r line <"/proc/$child/stat" || return 1
    line=${line##*) }
    [ "${line%% *}" != Z ] && [ "${line%% *}" != X ]
} 2>/dev/null

# Whether it or anything of the script's group runs. For kill -0 the dead that nobody reaps are members, too, and not every
# shell takes a group there.
alive() {
    for file in /proc/[0-9]*/stat; do
        read -r line <"$file" || continue
        pid=${line%% *}
        line=${line##*) }
        state=${line%% *}
        group=${line#* * }
        group=${group%% *}
        [ "$pid" != $child ] || group=$child
        if [ "$group" = $child ] && [ "$state" != Z ] && [ "$state" != X ]; then
            return 0
        fi
    done
    return 1
} 2>/dev/null

# To the whole group of the script. Before it has one its process is still a copy of this shell.
signal_group() {
    kill -s "$1" -- "-$child" || { kill -s "$1" $child && return 1; }
}

# Ends the whole group of the script: first kindly. The copy of this shell may miss a signal, so it gets it again.
end() {
    left=$((grace * 10)) heard=
    while :; do
        [ -n "$heard" ] || { signal_group TERM && heard=1 && signal_group CONT; }
        if [ $left -le 0 ] || ! alive; then
            break
        fi
        sleep 0.1 || { sleep 1 && left=$((left - 9)); }
        left=$((left - 1))
    done
    signal=15
    if alive; then
        signal=9
        signal_group KILL
    fi
} 2>/dev/null

why=
trap 'why=${why:-canceled}' TERM
trap 'why=${why:-timeout}' USR1
trap 'why=${why:-quiet}' USR2
# In parentheses, because a shell keeps a copy of what it redirects for a function.
(save) 8>&- 9>&- 4<"$dir/pipe" >/dev/null &
saver=$!
exec 7>"$dir/pipe"
printf '%s %s\n' "$boot" $$ >"$dir/started" || refuse 28 'the disk is full'
(
    umask "$mask"
    run "$@" "$script" "$(command -v setsid)" "$(command -v sh)"
) >&7 2>&1 7>&- 9>&- &
child=$!
exec 7>&- >&- >/dev/null
watch=
if [ "$timeout" -gt 0 ] || [ "$quiet" -gt 0 ]; then
    (clock) 8>&- 9>&- &
    watch=$!
fi

# A script that ends by itself has ended so, though it was about to be ended.
ended=''
while :; do
    if [ -n "$why" ] && [ -z "$ended" ] && runs; then
        ended=$why
        end
    fi
    wait $child
    status=$?
    kill -0 $child 2>/dev/null || break
done
trap '' TERM USR1 USR2
[ -z "$watch" ] || kill $watch
case $ended in
'') result="exit $status" ;;
timeout) result="timeout $timeout" ;;
quiet) result="quiet $quiet" ;;
canceled) result="canceled $signal" ;;
esac

# What the script left in the background may hold the pipe, and is not waited for.
(sleep 1 && kill $saver) 8>&- 9>&- 2>/dev/null &
drain=$!
wait $saver
kill $drain 2>/dev/null

# After an orderly end only what is meant to go on is left, and the next step may start. When the shell was killed, what
# it waited for may go on, and holds the lock.
if [ -n "$ended" ] || [ "$status" -le 128 ]; then
    flock -u 8 2>/dev/null
fi
until printf '%s\n' "$result" 1<>"$dir/exit.new" && sync "$dir/exit.new" && mv "$dir/exit.new" "$dir/exit"; do
    [ -d "$dir" ] || exit 1
    sleep 1
done
