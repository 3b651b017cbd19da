/* user_agent: who we say we are, to the API and to the gateway. */
#ifndef SSM_PROXY_CORE_USER_AGENT_H
#define SSM_PROXY_CORE_USER_AGENT_H

#define USER_AGENT "ssm-proxy/" SSM_VERSION

#endif
