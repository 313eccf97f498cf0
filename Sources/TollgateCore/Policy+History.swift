extension Policy {
    /// Whether the days and months of a scope are kept. Those of a composite scope never are.
    public func keepsHistory(of scope: Scope) -> Bool {
        !scope.kind.isComposite && history.contains(scope.kind.description)
    }
}
