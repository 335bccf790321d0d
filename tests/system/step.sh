#!/bin/sh
# A step that tells the truth: it appends one line when it starts and one when it ends to $ORACLE, a file that does not pass
# through Redis:
#
#     start|end <deployment> <step> <target> <attempt> <pid> <wall ns> <exit code>
#
# How long it takes and how it ends stands in $DECISIONS, one line "<seconds> <exit code> <deaf>" for each of its possible fates;
# which line it is depends on nothing but the attempt. A deaf step ignores SIGTERM.
# The end is told even if nobody reads the output any more, and no line is broken off by a SIGTERM to the whole group.
trap '' PIPE TERM
place="$GUIDEPOST_DEPLOYMENT_ID $GUIDEPOST_STEP ${GUIDEPOST_TARGET:--} $GUIDEPOST_ATTEMPT"

note() {
    echo "$1 $place $$ $(date +%s%N) $2" >>"$ORACLE"
}

finish() {
    trap '' TERM
    note end "$1"
    exit "$1"
}

note start -
fates=$(wc -l <"$DECISIONS")
number=$(echo "$place" | cksum)
number=$((${number%% *} % fates + 1))
read -r seconds code deaf <<LINE
$(sed -n "${number}p" "$DECISIONS")
LINE
[ "$deaf" = 1 ] || trap 'finish 143' TERM
echo "working for $seconds s, then $code"
# A shell hears a signal only between two commands, so the sleep is waited for.
sleep "$seconds" &
wait $!
echo "done"
finish "$code"
