#ifndef GP_EXEC_RUNDIR_H
#define GP_EXEC_RUNDIR_H

/*
 * The run directory: what a worker and guidepost-step leave for each other, and for whoever comes after
 * them, about one attempt of one step on one target.
 *
 *     <state>/runs/<deployment>/<step>.<target>.<attempt>      made exclusively, by open or mkdir. Either it is the
 *                    record, and the other files lie beside it: <step>.<target>.<attempt>.out.0. Or it is a directory of
 *                    them, with the names of below: so for guidepost-ssh, and so did all runs before that
 *         record     what happened, a line each, at most RUNDIR_RECORD_BYTES. flock(2) on it is the run's lock, held
 *                    by guidepost-step for as long as it lives
 *         out.0 ...  output, masked and cut into segments; segments between the head and the tail are deleted while
 *                    it runs. A file appears with its first byte. Output is not synced: after a power loss there may
 *                    be less of it than the record says
 *         stop       there from the first request to stop on
 *                    A run has one file while it writes nothing, since making a second one costs as much as the first.
 *                    The two kinds have the same name, so that neither can be made where the other is, whichever version
 *                    of this program made it. A worker takes what is there, so it adopts runs of an older version; an
 *                    older one can't read the record of a newer one, says nothing of it and leaves the job to others
 *     <state>/targets/<target>.<project>.<environment>.lock   flock held while a step of that target runs: no two at
 *                    once. The script inherits it, so it stays held when guidepost-step is killed and the script goes
 *                    on. A step on the worker has one of its own: .<digest of its name> instead of <target>
 *     <state>/name   random, made once: a run directory that is not here proves something only about workers that had
 *                    this state directory
 *
 * The lines of a record, in their order:
 *     boot <boot id>
 *                by the worker that made the run directory, before it starts guidepost-step; it makes the file (O_EXCL)
 *     started <supervisor pid> <child pid> <wall ms>
 *                by the child of guidepost-step, before it becomes the script's shell. Not synced: under another boot
 *                its absence proves nothing
 *     exit <word> <number> <wall ms> <bytes of output> <bytes left out>
 *                by guidepost-step, final. A worker that started it and still lives tells it at once, or else puts it
 *                on disk; when that worker is gone, guidepost-step puts it on disk before it leaves. By the worker if
 *                guidepost-step could not be executed. It may be told before it is on disk: it is what happened. If it
 *                is lost with the power before it was either, the outcome is unknown, and called so. Output is all
 *                there was after masking, left out those bytes of it that are in no segment
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
 *
 * `guidepost-step serve` does all that for one run after the other. Its standard input is a SOCK_SEQPACKET; a request is a
 * message with the path of a run, of either kind, and, as SCM_RIGHTS, a descriptor of the instructions, and the answer, when the
 * run is over and its lock is free, a byte: the exit status from above. It leaves without an answer when it has learned a
 * secret or the script has left something in the background, and when nobody can ask any more. So it has one run at a
 * time, and its session has nothing of another one. A SIGTERM by sigqueue with the child's pid as its value ends that run
 * only, and none that came after it.
 */

/*
 * A step on an ssh target has a directory, and the same record in it. Its supervisor here is guidepost-ssh, which
 * carries the step out over OpenSSH's client; the script's own supervisor and the truth about the run are on the
 * target (src/exec/ssh/target.sh). What differs:
 *
 *     record     `started <guidepost-ssh pid> 0 <wall ms>` is written before the first byte of the instructions leaves:
 *                the script may run on the target from then on. Until then surely nothing runs. A guidepost-ssh that
 *                goes on with the run (work attach) writes the line anew in its place, so that it names who is there
 *     contact    a line by guidepost-ssh, for the next one: boot id of the target, whether it has said that it
 *                started, how much output was taken. No business of the worker
 *     stop       the request does not die with a guidepost-ssh: the next one is started with work stop
 *     lost       there while the target has been silent for LIMIT_SSH_LOST_MS with the outcome open, and deleted when
 *                it says that the run goes on, or with the end; a sentence for people. The outcome is unknown while it
 *                is there. guidepost-ssh keeps trying, for LIMIT_SSH_TRY_MS, and what it finds out at last is recorded
 *                as an end like others
 * More words of `exit`:
 *     unreachable <enum rundir_unreachable>   nothing of the script ran: there is no connection. The output has the
 *                                        sentence
 *     gone <errno>                       it may have run, and its end will never be known; final. 3 (ESRCH): its
 *                                        supervisor on the target died without an end; 17 (EEXIST): the run
 *                                        directory was on the target before the start; 110: no contact for
 *                                        LIMIT_SSH_TRY_MS; 116 (ESTALE): the target was rebooted, or its run directory
 *                                        deleted
 * `notstarted` has more numbers: 2: no such work-dir; 13, 28, 30: the run directory can't be made there; 38: sh, setsid
 * or flock is missing there; 5: what starts it there
 * failed; 103: the connection broke, and nothing had been started.
 *
 * Instructions of guidepost-ssh, beside script, env, secret, timeout-ms, quiet-ms, kill-ms and ...segment...:
 *     work             start | attach | stop | look | probe; start if not given. See below
 *     ssh-destination  required: as on ssh's command line; no `-` first
 *     ssh-run          required but for a probe: <installation>/<deployment>/<run>, the directory of the run below
 *                      $HOME/.guidepost/runs on the target. A-Z a-z 0-9 . _ - only, no part begins with a dot
 *     ssh-program      path; /usr/bin/ssh if not given
 *     ssh-config       path for -F; ssh's own files if not given
 *     ssh-known-hosts  path of the only file of host keys; what ssh_config says if not given
 *     ssh-option       Keyword=value for -o, repeated; cannot change what guidepost-ssh itself sets
 *     ssh-control      an existing directory, 0700, for the sockets of shared connections; none = not shared
 *     target-lock      here a name, of the bytes of ssh-run without /: $HOME/.guidepost/locks/<name>.lock on the target
 *     work-dir         on the target; the login folder if not given, and a relative one begins there
 * `user` is refused. The script's environment is built from nothing but `env` and HOME, USER, LOGNAME, SHELL, PATH of
 * the login, of which `env` should give none.
 *
 * work start:  as guidepost-step: 111 when the record is anything but the line `boot`.
 * work attach: goes on with a run that a guidepost-ssh before may have begun, from the byte of output that is here; 111
 *              when it is locked, or void, or has an end. A run directory that is not on the target is made there and
 *              marked void, which proves that nothing started, unless `contact` is missing here (as in a fresh
 *              directory on another host): then it is `gone`. Give it the same instructions (of `env` and `script` it
 *              needs none)
 * work stop:   attach, and as if SIGTERM had come at once.
 * work look:   attach, beside whoever goes on with the run: the target is not told that its end is known, and keeps the
 *              output.
 * work probe:  no run directory: says by its exit status whether a step could start there, and changes nothing. 0, or a
 *              number of enum rundir_unreachable; the sentence on standard output.
 * SIGTERM ends the script on the target; while that cannot be reached, `lost` is there, and it is tried on.
 */

enum { RUNDIR_RECORD_BYTES = 512 };

/* Why there was no connection: the number of `exit unreachable`, and the exit status of a probe. */
enum rundir_unreachable {
    RUNDIR_UNREACHABLE_OTHER = 1,
    RUNDIR_UNREACHABLE_NAME = 2,        /* the name of the host is not known */
    RUNDIR_UNREACHABLE_REFUSED = 3,     /* nobody listens */
    RUNDIR_UNREACHABLE_ROUTE = 4,       /* no way to the host */
    RUNDIR_UNREACHABLE_TIMEOUT = 5,     /* no answer */
    RUNDIR_UNREACHABLE_CLOSED = 6,      /* closed while it was being made */
    RUNDIR_UNREACHABLE_KEY_UNKNOWN = 7, /* host key not in known_hosts */
    RUNDIR_UNREACHABLE_KEY_CHANGED = 8, /* another host key than that in known_hosts */
    RUNDIR_UNREACHABLE_DENIED = 9,      /* authentication refused */
    RUNDIR_UNREACHABLE_PROGRAM = 10,    /* ssh itself can't be run */
    RUNDIR_UNREACHABLE_CONFIG = 11,     /* ssh refuses its configuration */
    RUNDIR_UNREACHABLE_SHELL =
        12, /* connected, but no POSIX shell answers; for a probe also that setsid or flock is missing */
};

#endif
