#ifndef GP_API_OCTOPUS_H
#define GP_API_OCTOPUS_H

/*
 * The handlers of /api, in the shape of Octopus Deploy's REST API (docs/API.md says what of it is there). Its words are
 * ours in this way: Deployments-311 and ServerTasks-311 are D311, Interruptions-42 is Q42; Projects-shop,
 * Environments-production, Machines-web-1, Users-alice and Teams-oncall have our names behind the dash, and the bare
 * names are taken too. There is one space, Spaces-1.
 */

#include "call.h"

/* octopus_root.c */
void octopus_root(struct call *call);
void octopus_spaces(struct call *call);
void octopus_spaces_all(struct call *call);
void octopus_space(struct call *call);
void octopus_me(struct call *call);
void octopus_team_membership(struct call *call);

/* octopus_things.c: what stands in the configuration */
void octopus_environments(struct call *call);
void octopus_environments_all(struct call *call);
void octopus_environment(struct call *call);
void octopus_projects(struct call *call);
void octopus_projects_all(struct call *call);
void octopus_project(struct call *call);
void octopus_project_settings(struct call *call);
void octopus_machines(struct call *call);
void octopus_machines_all(struct call *call);
void octopus_machine(struct call *call);
void octopus_users(struct call *call);
void octopus_users_all(struct call *call);
void octopus_user(struct call *call);

/* octopus_releases.c */
void octopus_releases(struct call *call);
void octopus_release(struct call *call);
void octopus_release_create(struct call *call);
void octopus_project_releases(struct call *call);
void octopus_project_release(struct call *call);

/* octopus_deployments.c, octopus_create.c */
void octopus_deployments(struct call *call);
void octopus_deployment(struct call *call);
void octopus_deployment_create(struct call *call);
void octopus_deployments_create(struct call *call); /* create/untenanted/v1 */

/* octopus_preview.c */
void octopus_deployment_preview(struct call *call);

/* octopus_tasks.c, octopus_task_log.c */
void octopus_tasks(struct call *call);
void octopus_task(struct call *call);
void octopus_task_details(struct call *call);
void octopus_task_raw(struct call *call);
void octopus_task_queued_behind(struct call *call);
void octopus_task_cancel(struct call *call);
void octopus_task_rerun(struct call *call);

/* octopus_interruptions.c, octopus_submit.c */
void octopus_interruptions(struct call *call);
void octopus_interruptions_all(struct call *call);
void octopus_interruption(struct call *call);
void octopus_responsible(struct call *call);
void octopus_take(struct call *call);
void octopus_submit(struct call *call);

/* octopus_events.c */
void octopus_events(struct call *call);

#endif
