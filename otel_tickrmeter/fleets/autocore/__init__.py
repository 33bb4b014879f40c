"""The AutoCore fleet: relay boards, displays, sensor boards and CAN bridges of vehicles."""
