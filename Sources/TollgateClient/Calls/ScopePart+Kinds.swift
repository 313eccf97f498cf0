public import TollgateCore

/// The common scope kinds, for calls such as `check(.user("alice"), .tool("search"))`. Ids are validated when the
/// request is sent.
extension Scope.Part {
    /// The scope `user:id`.
    public static func user(_ id: String) -> Scope.Part { Scope.Part(kind: "user", id: id) }
    /// The scope `team:id`.
    public static func team(_ id: String) -> Scope.Part { Scope.Part(kind: "team", id: id) }
    /// The scope `project:id`.
    public static func project(_ id: String) -> Scope.Part { Scope.Part(kind: "project", id: id) }
    /// The scope `tenant:id`.
    public static func tenant(_ id: String) -> Scope.Part { Scope.Part(kind: "tenant", id: id) }
    /// The scope `tool:id`.
    public static func tool(_ id: String) -> Scope.Part { Scope.Part(kind: "tool", id: id) }
    /// The scope `provider:id`.
    public static func provider(_ id: String) -> Scope.Part { Scope.Part(kind: "provider", id: id) }
    /// The scope `model:id`.
    public static func model(_ id: String) -> Scope.Part { Scope.Part(kind: "model", id: id) }
    /// The scope `account:id`.
    public static func account(_ id: String) -> Scope.Part { Scope.Part(kind: "account", id: id) }
    /// The scope `kind:id`, for any other kind.
    public static func scope(_ kind: String, _ id: String) -> Scope.Part { Scope.Part(kind: kind, id: id) }
}
