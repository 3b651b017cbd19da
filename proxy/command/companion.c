#include "proxy/command/companion.h"

#include "proxy/command/client.h"

/* The place that points to the companion, or where the list ends. */
static struct companion **place_of(struct client *client, const struct companion *companion)
{
    struct companion **place = &client->companions;
    while (*place != NULL && *place != companion) {
        place = &(*place)->next;
    }
    return place;
}

void companion_join(struct client *client, struct companion *companion)
{
    struct companion **place = place_of(client, companion);
    if (*place == NULL) {
        companion->next = NULL;
        *place = companion;
    }
}

void companion_leave(struct client *client, struct companion *companion)
{
    struct companion **place = place_of(client, companion);
    if (*place != NULL) {
        *place = companion->next;
    }
}

void companion_pump_all(struct client *client)
{
    for (struct companion *at = client->companions; at != NULL; at = at->next) {
        at->pump(at->context, client);
    }
}

int64_t companion_deadline_us(const struct client *client, int64_t now_us)
{
    int64_t deadline_us = INSTANT_NEVER;
    for (const struct companion *at = client->companions; at != NULL; at = at->next) {
        if (at->deadline_us != NULL) {
            deadline_us = instant_earlier(deadline_us, at->deadline_us(at->context, now_us));
        }
    }
    return deadline_us;
}

bool companion_holds_output(const struct client *client)
{
    for (const struct companion *at = client->companions; at != NULL; at = at->next) {
        if (at->holds_output != NULL && at->holds_output(at->context)) {
            return true;
        }
    }
    return false;
}

const struct companion *companion_failed(const struct client *client)
{
    const struct companion *at = client->companions;
    while (at != NULL && at->err == ERR_OK) {
        at = at->next;
    }
    return at;
}
