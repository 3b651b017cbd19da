/* ec2_filter: the parameters Filter.N.Name and Filter.N.Value.M of DescribeInstances. An instance passes when it has,
 * for every filter, one of its values; "*" and "?" in a value stand for any characters and for one, unless after "\".
 */
#ifndef SSM_LAB_EC2_FILTER_H
#define SSM_LAB_EC2_FILTER_H

#include "tests/emulator/ec2.h"
#include "tests/emulator/instance.h"

/* False after having failed the call: a filter that does not exist, or too many values. */
bool ec2_filter_check(const struct ec2_call *call);

bool ec2_filter_passes(const struct form *form, const struct instance *instance);

#endif
