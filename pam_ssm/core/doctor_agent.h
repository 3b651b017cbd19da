/* doctor_agent: the SSM agent on this node: is it there, does it run, can it reach its services, and as whom? */
#ifndef SSM_HOST_CORE_DOCTOR_AGENT_H
#define SSM_HOST_CORE_DOCTOR_AGENT_H

#include "common/limits.h"
#include "common/text.h"
#include "pam_ssm/core/doctor_report.h"

/* Texts are borrowed; NULL: it is not there, or could not be read. */
struct doctor_agent_facts {
    const char *program;                        /* the agent's file */
    int64_t pid;                                /* of a process that runs it; 0: none */
    const char *unit;                           /* its systemd unit; NULL: none, or no systemd */
    const char *active_state, *unit_file_state; /* of the unit, in systemd's words */
    const char *version;                        /* what the agent prints about its version, or the package's */
    const char *last_error;                     /* the last ERROR line of its log */
    const char *environment;                    /* of the process, or of the unit: NAME=value, separated by line ends */
};
void doctor_agent_judge(const struct doctor_agent_facts *facts, struct doctor_report *report);

/* The value of a variable, up to the line's end; NULL: none, or an empty one. */
const char *doctor_agent_variable(const char *environment, const char *name);

/* ---- the way to its services ---- */

/* How far a connection came, in this order. */
enum doctor_stage { DOCTOR_RESOLVE, DOCTOR_CONNECT, DOCTOR_TLS, DOCTOR_ANSWER };

struct doctor_probe {
    char service[16]; /* ssm, ssmmessages, ec2messages */
    char host[LIMIT_HOST + 1];
    enum doctor_stage stage; /* reached; ANSWER: all of it */
    bool is_timeout;         /* it did not fail, its time was over */
    char words[160];         /* why it ended */
    int64_t date_unix_s;     /* of the answer's Date header; 0: none */
    int64_t own_unix_s;      /* when it came */
};

/* The host name of a service in a region. */
void doctor_agent_put_host(const char *service, const char *region, struct text *text);

/* A Date header's value, RFC 9110 IMF-fixdate. ERR_MALFORMED. */
enum err doctor_agent_parse_date(const char *value, int64_t *ret_unix_s) SSM_MUST_USE;

/* `proxy` is what the agent uses; NULL: none. */
void doctor_agent_judge_network(const struct doctor_probe *probes, size_t count, const char *region, const char *proxy,
                                struct doctor_report *report);

/* ---- its credentials ---- */

/* Where the agent, as root, finds credentials. */
struct doctor_credential_facts {
    bool is_hybrid; /* registered by an activation */
    char hybrid_node[64];
    bool has_environment;
    bool has_file;              /* keys of the profile that it would use, in root's shared credentials file */
    const char *file;           /* its path */
    bool has_container;         /* AWS_CONTAINER_CREDENTIALS_*_URI */
    bool has_metadata;          /* an instance metadata service answers */
    bool is_metadata_v1;        /* only version 1 answered */
    char role[160];             /* of the instance profile; "": none */
    bool has_default_host_role; /* credentials of Default Host Management Configuration lie on disk */
};
void doctor_agent_judge_credentials(const struct doctor_credential_facts *facts, struct doctor_report *report);

/* What no setting of this node can change; always said. */
void doctor_agent_put_notes(struct doctor_report *report);

#endif
