#include "proxy/edge/connection_check.h"

#include "common/auto.h"

#include <stdlib.h>
#include <string.h>

struct connection_check {
    struct net_transfer transfer;
};

enum err connection_check_start(struct net *net, const struct endpoint_url *url, struct connection_check **ret_check)
{
    AUTO(connection_check_free) struct connection_check *check = calloc(1, sizeof *check);
    if (check == NULL) {
        return ERR_MEMORY;
    }
    TRY(net_transfer_open(net, url, &check->transfer));
    CURL *easy = check->transfer.easy;
    if (curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L) != CURLE_OK ||
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L) != CURLE_OK) {
        return ERR_MEMORY;
    }
    TRY(net_transfer_start(&check->transfer));
    *ret_check = MOVE(check);
    return ERR_OK;
}

/* What libcurl does not know is 0: it did not come that far. */
static int64_t part_us(CURL *easy, CURLINFO what, int64_t *before_us)
{
    curl_off_t until_us = 0;
    if (curl_easy_getinfo(easy, what, &until_us) != CURLE_OK || until_us < *before_us) {
        return 0;
    }
    int64_t took_us = until_us - *before_us;
    *before_us = until_us;
    return took_us;
}

enum err connection_check_result(struct connection_check *check, struct connection_times *ret_times,
                                 struct text *ret_why)
{
    if (!check->transfer.is_done) {
        return ERR_AGAIN;
    }
    CURL *easy = check->transfer.easy;
    const char *address = NULL;
    int64_t until_us = 0;
    *ret_times = (struct connection_times){.proxy = check->transfer.proxy};
    ret_times->name_us = part_us(easy, CURLINFO_NAMELOOKUP_TIME_T, &until_us);
    ret_times->tcp_us = part_us(easy, CURLINFO_CONNECT_TIME_T, &until_us);
    ret_times->tls_us = part_us(easy, CURLINFO_APPCONNECT_TIME_T, &until_us);
    if (curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &address) == CURLE_OK && address != NULL) {
        text_copy_for_display(address, ret_times->address, sizeof ret_times->address);
    }
    return net_transfer_error(&check->transfer, ret_why);
}

void connection_check_free(struct connection_check **check)
{
    if (*check == NULL) {
        return;
    }
    net_transfer_close(&(*check)->transfer);
    free(*check);
    *check = NULL;
}
