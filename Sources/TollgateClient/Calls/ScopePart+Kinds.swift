public import TollgateCore

/// The usual kinds, so that a call reads `check(.user("alice"), .tool("search"))`. Ids are checked when they are sent.
extension Scope.Part {
    /// `user:id`
    public static func user(_ id: String) -> Scope.Part { Scope.Part(kind: "user", id: id) }
    /// `team:id`
    public static func team(_ id: String) -> Scope.Part { Scope.Part(kind: "team", id: id) }
    /// `project:id`
    public static func project(_ id: String) -> Scope.Part { Scope.Part(kind: "project", id: id) }
    /// `tenant:id`
    public static func tenant(_ id: String) -> Scope.Part { Scope.Part(kind: "tenant", id: id) }
    /// `tool:id`
    public static func tool(_ id: String) -> Scope.Part { Scope.Part(kind: "tool", id: id) }
    /// `provider:id`
    public static func provider(_ id: String) -> Scope.Part { Scope.Part(kind: "provider", id: id) }
    /// `model:id`
    public static func model(_ id: String) -> Scope.Part { Scope.Part(kind: "model", id: id) }
    /// `account:id`
    public static func account(_ id: String) -> Scope.Part { Scope.Part(kind: "account", id: id) }
    /// Any other kind.
    public static func scope(_ kind: String, _ id: String) -> Scope.Part { Scope.Part(kind: kind, id: id) }
}
