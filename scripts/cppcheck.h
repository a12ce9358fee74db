/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Theory of operation: library macros as far as cppcheck needs them, since it
 * does not read the libraries' headers. Only scripts/lint uses this file.
 */
#define LIBBPF_OPTS(type, name, ...) struct type name = { __VA_ARGS__ }
#define json_array_foreach(array, i, value) \
	for ((i) = 0; ((value) = json_array_get(array, i)); (i)++)
#define json_object_foreach(object, key, value) \
	for ((key) = 0; ((value) = json_object_get(object, key)); (key)++)
#define mnl_attr_for_each(attr, nlh, offset) \
	for ((attr) = mnl_nlmsg_get_payload_offset(nlh, offset); (attr);)
#define mnl_attr_for_each_nested(attr, nest) \
	for ((attr) = mnl_attr_get_payload(nest); (attr);)
#define cmocka_unit_test(f) \
	{                   \
#f, f       \
	}
#define cmocka_unit_test_setup_teardown(f, setup, teardown) \
	{                                                   \
#f, f                                       \
	}
