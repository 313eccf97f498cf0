// Callers of the client use `Scope`, `Amounts` and `Decision`, which Core declares, without a second import.
@_exported public import TollgateCore
