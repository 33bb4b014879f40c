"""The closed lists of the fleet: reasons, causes and words that are label values."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a message, or part of it, was set aside, besides `ErrorReason` (`autocore_message_errors_total`).

    BAD_ID: the device id fails its pattern. ID_MISMATCH: the payload names another device or relay than the
    topic. BAD_NAME: a sensor's name cannot be one. TOO_MANY and TOO_DEEP: keys and nesting of a payload.
    UNKNOWN_DEVICE: the mode of registration admits it not; MAX_DEVICES: there is no place for it.
    LATE: older than what is known, so it is history only. CLOCK: its timestamp cannot be trusted.
    BURST: more messages than a device may have stored; the state follows all the same.
    PROTOCOL_VERSION: a major version that is not known; it is read as if it were.
    """

    BAD_ID = "bad_id"
    ID_MISMATCH = "id_mismatch"
    BAD_NAME = "bad_name"
    TOO_MANY = "too_many"
    TOO_DEEP = "too_deep"
    UNKNOWN_DEVICE = "unknown_device"
    MAX_DEVICES = "max_devices"
    LATE = "late"
    CLOCK = "clock"
    BURST = "burst"
    PROTOCOL_VERSION = "protocol_version"


NOTED: frozenset[StrEnum] = frozenset({Reason.LATE, Reason.CLOCK, Reason.BURST, Reason.PROTOCOL_VERSION})
"""What is counted of a message and is no fault of it: it is not set aside, and no dead letter."""


class Word(StrEnum):
    """What a device says its status is, and what `autocore_devices` counts."""

    ONLINE = "online"
    OFFLINE = "offline"
    ERROR = "error"
    MAINTENANCE = "maintenance"


class Cause(StrEnum):
    """Why a device came or went (`autocore_connectivity_changes_total`)."""

    REPORTED = "reported"
    WILL = "will"
    SILENCE = "silence"
    ACTIVITY = "activity"


class Trigger(StrEnum):
    """What switched a relay (`autocore_relay_changes_total`)."""

    MANUAL = "manual"
    MQTT = "mqtt"
    WEB = "web"
    BUTTON = "button"
    AUTO = "auto"
    MACRO = "macro"
    SAFETY = "safety"
    OTHER = "other"


class Action(StrEnum):
    """What a person did to a display (`autocore_interactions_total`)."""

    TOUCH = "touch"
    PRESS = "press"
    RELEASE = "release"
    LONG_PRESS = "long_press"
    CLICK = "click"
    SWIPE = "swipe"
    NAVIGATE = "navigate"
    OTHER = "other"


class SystemKind(StrEnum):
    """What a system message is about (`autocore_system_messages_total`)."""

    BOOT = "boot"
    ERROR = "error"
    OTA = "ota"
    ALERT = "alert"
    PING = "ping"
    OTHER = "other"


class Registration(StrEnum):
    """Who is admitted: any device, one that says who it is, or none."""

    AUTO = "auto"
    ANNOUNCE = "announce"
    CLOSED = "closed"


class RunOutcome(StrEnum):
    """How a run of a rule ended (`autocore_automation_runs_total`).

    DRY_RUN: something was not published, for want of a permission. TIMEOUT: it took longer than it may.
    STOPPED: by an emergency stop, or because the rule was changed.
    """

    DONE = "done"
    DRY_RUN = "dry_run"
    FAILED = "failed"
    TIMEOUT = "timeout"
    STOPPED = "stopped"
