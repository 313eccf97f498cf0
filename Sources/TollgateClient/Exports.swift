// `Decision`, `Amounts` and `Scope` belong to Core, and callers of the client need them without a second import.
@_exported public import TollgateCore
