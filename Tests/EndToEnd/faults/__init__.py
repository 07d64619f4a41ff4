"""What tests break the machine with: kills, power cuts, full disks, jumping clocks, and a recorder of the wire."""
