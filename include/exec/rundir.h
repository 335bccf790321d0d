#ifndef GP_EXEC_RUNDIR_H
#define GP_EXEC_RUNDIR_H

/*
 * The run directory: what a worker and guidepost-step leave for each other, and for whoever comes after
 * them, about one attempt of one step on one target.
 *
 *     <state>/runs/<deployment>/<step>.<target>.<attempt>/      made by an exclusive mkdir
 *         void       made by an adopter that found no directory: this attempt never started and never will
 *         lock       the boot id under which the directory was made; flock(2) held by guidepost-step for as long as it
 *                    lives
 *         started    "<supervisor pid> <child pid> <wall ms>\n", there before the script runs. Not synced: under another
 *                    boot its absence proves nothing
 *         told       what `started` was, once a worker has told the end
 *         out.0 ...  output, masked and cut into segments; segments between the head and the tail are deleted while
 *                    it runs. A file appears with its first byte. Output is not synced: after a power loss there may
 *                    be less of it than `exit` says
 *         exit       "<word> <number> <wall ms> <bytes of output> <bytes left out>\n", by rename, on disk: final.
 *                    Output is all there was after masking, left out those bytes of it that are in no segment
 *     <state>/targets/<target>.<project>.<environment>.lock   flock held while a step of that target runs: no two at
 *                    once. The script inherits it, so it stays held when guidepost-step is killed and the script goes
 *                    on. A step on the worker has one of its own: .<digest of its name> instead of <target>
 *     <state>/name   random, made once: a run directory that is not here proves something only about workers that had
 *                    this state directory
 *
 * The words of `exit`:
 *     exit <status> | signal <number>    the shell ended by itself
 *     timeout <ms> | quiet <ms>          it ran too long, or wrote nothing for too long, and was ended
 *     canceled <signal>                  SIGTERM came; the number is what ended the group, 15 or 9
 *     notstarted <errno>                 nothing of the script ran; the output says why. 11 (EWOULDBLOCK): the target's
 *                                        lock is held; 22: the instructions are refused; 125: canceled before the start
 * `started` may be there beside `notstarted`, when the start failed at the last moment (user, directory, shell).
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
 * It calls setsid, takes `lock` (exclusive, not waiting; through a descriptor of its own, all inherited ones but
 * 0, 1 and 2 are closed), and exits with 111, writing nothing, when it cannot or when `started`, `exit` or `void` is
 * there: the run belongs to somebody else. Whoever takes `lock` first therefore knows that nothing starts here.
 * Then it reads the instructions, takes the target's lock, writes `started` and runs the script in a process group of
 * its own with /dev/null as input. It is over when the shell ends: processes that the script left in the background
 * go on, but what they write later than a moment after the end is lost. On a timeout, on SIGTERM and when the shell was
 * killed it ends the whole group (SIGTERM, after kill-ms SIGKILL) and records the end only when no process of the
 * group is left.
 * It is deaf to SIGHUP, SIGINT, SIGPIPE and to the death of who started it. Exit status 0: the end is recorded; while
 * it cannot be (a full disk), guidepost-step stays and tries again.
 */

#endif
