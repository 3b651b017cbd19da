/* lab_control: what tests ask of the laboratory itself, on the API port, unsigned and only when it listens on loopback:
 *
 *     GET  /lab/status
 *     POST /lab/faults     {"throttle_next":1,...}   see fault.h, and the actions:
 *          {"drop_client_connections":true}          at once, without a Close frame; drop_agent_connections likewise
 *          {"close_client_connections":1001}         with a Close frame of that code
 *          {"restart_gateway":{"down_ms":500}}       all websockets are lost, its port refuses for that long
 *          {"offline_nodes":["i-..."]}               exactly these built-in nodes are offline from now on
 *          {"instance_states":{"i-...":"stopped"}}   as if somebody else had done it
 *          {"calls":[...]}                           which calls of services fail, see call_fault.h
 *          {"inject":{"session_id":"...","hex":"..."}}  a raw message to that session's client
 *     POST /lab/terminate  {"session_id":"...","output":"..."}
 */
#ifndef SSM_LAB_LAB_CONTROL_H
#define SSM_LAB_LAB_CONTROL_H

#include "tests/emulator/http_exchange.h"

/* False when the path is not below /lab/. */
bool lab_control_request(struct http_exchange *exchange);

#endif
