#ifndef GP_EXEC_RUNDIR_H
#define GP_EXEC_RUNDIR_H

/*
 * The run directory: what a worker and guidepost-step leave for each other, and for whoever comes after
 * them, about one attempt of one step on one target.
 *
 *     <state>/runs/<deployment>/<step>.<target>.<attempt>/      made by an exclusive mkdir
 *         void       made by an adopter that found no directory: this attempt never started and never will
 *         boot       the boot id under which the directory was made
 *         lock       flock(2) held by guidepost-step for as long as it lives
 *         started    "<supervisor pid> <child pid> <wall ms>\n", written before the child runs
 *         out.0 ...  output, masked and cut into segments of LIMIT_OUTPUT_SEGMENT; segments between the head
 *                    and the tail are deleted while it runs
 *         exit       "<word> <number> <wall ms> <bytes of output> <bytes left out>\n", by rename: final
 *     <state>/targets/<target>.lock   flock held while a step of that target runs: no two at once
 *
 * The words of `exit`:  exit <status> | signal <number> | timeout <ms> | quiet <ms> | canceled <signal> |
 *                       notstarted <errno>
 *
 * guidepost-step is started with the directory as its current directory, the file descriptor 3 on `lock` (not yet locked),
 * and reads the whole of its instructions from standard input, as lines "<key> <size>\n<bytes>\n", ended by end of file:
 *     target-lock   path of the target's lock file; absent = none
 *     script        run as: sh -e -c <script>
 *     env           one NAME=value, repeated; the environment is built from these alone
 *     secret        a value to mask in the output, repeated
 *     work-dir      where the script starts
 *     user          name of the user the script runs as; absent = unchanged
 *     timeout-ms, quiet-ms, kill-ms       decimal; 0 = none
 *     segment-bytes, head-segments, tail-segments
 * It takes `lock` (exclusive, not waiting), then the target's lock, then calls setsid, writes `started`, runs the script in a process
 * group of its own with /dev/null as input, and on SIGTERM ends the group (SIGTERM, after kill-ms SIGKILL).
 * It is deaf to SIGHUP, SIGPIPE and to the death of who started it.
 */

#endif
