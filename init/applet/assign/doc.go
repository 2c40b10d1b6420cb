// Package assign reads assignments of properties, "MemoryMax=1G", as systemctl set-property and systemd-run --property take them, and makes
// of them what the manager's D-Bus methods take: a name and a value of the property's type.
//
// It is a table: a property has a form, and a form is a function from text to a value. Some properties go by another name or become two
// on the way: MemoryMax=50% is MemoryMaxScale, TimeoutSec= is TimeoutStartUSec and TimeoutStopUSec. Which properties there are depends on
// the type of the unit. What the manager then does with them is its own affair.
//
// Source: bus_append_unit_property_assignment of src/shared/bus-unit-util.c of systemd 252; systemd.exec(5), .resource-control(5),
// .service(5), .socket(5), .timer(5), .path(5), .unit(5) for what the values mean.
package assign
