#ifndef GP_EXEC_RUNDIR_H
#define GP_EXEC_RUNDIR_H

/*
 * The run directory: what a worker and guidepost-step leave for each other, and for whoever comes after
 * them, about one attempt of one step on one target.
 *
 *     <state>/runs/<deployment>/<step>.<target>.<attempt>/      made by an exclusive mkdir
 *         record     what happened, a line each, at most RUNDIR_RECORD_BYTES. flock(2) on it is the run's lock, held
 *                    by guidepost-step for as long as it lives
 *         out.0 ...  output, masked and cut into segments; segments between the head and the tail are deleted while
 *                    it runs. A file appears with its first byte. Output is not synced: after a power loss there may
 *                    be less of it than the record says
 *     <state>/targets/<target>.<project>.<environment>.lock   flock held while a step of that target runs: no two at
 *                    once. The script inherits it, so it stays held when guidepost-step is killed and the script goes
 *                    on. A step on the worker has one of its own: .<digest of its name> instead of <target>
 *     <state>/name   random, made once: a run directory that is not here proves something only about workers that had
 *                    this state directory
 *
 * The lines of a record, in their order:
 *     boot <boot id>
 *                by the worker that made the directory, before it starts guidepost-step; it makes the file (O_EXCL)
 *     started <supervisor pid> <child pid> <wall ms>
 *                by the child of guidepost-step, before it becomes the script's shell. Not synced: under another boot
 *                its absence proves nothing
 *     exit <word> <number> <wall ms> <bytes of output> <bytes left out>
 *                by guidepost-step, and on disk before it leaves: final. By the worker if guidepost-step could not be
 *                executed. Whoever reads it a moment before it is on disk may tell it: it is what happened. Output is
 *                all there was after masking, left out those bytes of it that are in no segment
 *     void
 *                by an adopter that found nothing started, and on disk: nothing will be. After `boot` it says that
 *                nothing ever was; as the first line (the adopter found no `boot`) it says nothing about the past
 *     told
 *                after `exit`, by a worker that has told the end
 * A line counts only with its newline. What is behind the last newline was not written (a full disk, a power loss), and
 * whoever writes next cuts it off. Who writes has the lock, and has read the record under it, with two exceptions:
 * `boot` is appended to a new file, so that it comes behind the `void` of an adopter who was faster; and `told` comes
 * after the end, when nobody else writes. A line that nobody knows counts as a start of which nothing is known. A
 * record is no longer than a sector, so that a line is on disk whole or not at all. The directory is never synced by
 * itself: when a power loss takes away its name or that of the record, the outcome is unknown, and is called so.
 *
 * The words of `exit`:
 *     exit <status> | signal <number>    the shell ended by itself
 *     timeout <ms> | quiet <ms>          it ran too long, or wrote nothing for too long, and was ended
 *     canceled <signal>                  SIGTERM came; the number is what ended the group, 15 or 9
 *     notstarted <errno>                 nothing of the script ran; the output says why. 11 (EWOULDBLOCK): the target's
 *                                        lock is held; 22: the instructions are refused; 125: canceled before the start
 * `started` may be there before `notstarted`, when the start failed at the last moment (user, directory, shell).
 *
 * guidepost-step is started with the directory as its current directory and reads its instructions from standard
 * input, as records "<key> <size>\n<bytes>\n". The last one is "end 0\n\n", so that instructions cut off by the death
 * of their writer are never followed; then end of file. An unknown key is refused, and so is one given twice:
 *     script        required, run as: sh -e -c <script>
 *     env           one NAME=value, repeated; the environment is built from these alone
 *     secret        a value to mask in the output, repeated; all together at most 256 KiB
 *     target-lock   path of the target's lock file, made if absent; none if not given
 *     work-dir      where the script starts; / if not given
 *     user          name of the user the script runs as, one of /etc/passwd; unchanged if not given
 *     timeout-ms, quiet-ms        decimal; 0 or not given = none
 *     kill-ms                     from SIGTERM to SIGKILL; 0 = at once; LIMIT_KILL_MS if not given
 *     segment-bytes, head-segments, tail-segments      LIMIT_OUTPUT_... if not given
 *
 * It calls setsid, locks `record` (exclusive, not waiting; through a descriptor of its own, all inherited ones but
 * 0, 1 and 2 are closed), and exits with 111, writing nothing, when it cannot, or when the record is anything but the
 * line `boot`: the run belongs to somebody else. Whoever takes the lock first therefore knows that nothing starts here.
 * Then it reads the instructions, takes the target's lock, writes `started` and runs the script in a process group of
 * its own with /dev/null as input. It is over when the shell ends: processes that the script left in the background go
 * on, but what they write later than a moment after the end is lost. On a timeout, on SIGTERM and when the shell was
 * killed it ends the whole group (SIGTERM, after kill-ms SIGKILL) and records the end only when no process of the group
 * is left. It is deaf to SIGHUP, SIGINT, SIGPIPE and to the death of who started it. Exit status 0: the end is
 * recorded; while it cannot be (a full disk), guidepost-step stays and tries again. 1: the record or its directory was
 * deleted, nobody is left to tell.
 */

enum { RUNDIR_RECORD_BYTES = 512 };

#endif
