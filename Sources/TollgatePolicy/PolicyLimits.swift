import TollgateCore

/// What `defaults` and `scopes` of a policy file say, with the places where they say it.
struct PolicyLimits {
    private(set) var defaults: [ScopeKind: [PlacedLimit]] = [:]
    private(set) var scopes: [Scope: [PlacedLimit]] = [:]
    private var composites: Set<ScopeKind> = []

    init(_ entries: [PolicyReader.Entry], _ reader: PolicyReader) {
        for entry in section("defaults", entries, expected: "a map of kinds such as user:", reader) {
            readKind(entry, reader)
        }
        for entry in section("scopes", entries, expected: "a map of scopes such as user:alice:", reader) {
            readScope(entry, reader)
        }
    }

    /// The entries of a section; a section with nothing in it, all of it commented out perhaps, has none.
    private func section(
        _ name: String, _ entries: [PolicyReader.Entry], expected: String, _ reader: PolicyReader
    ) -> [PolicyReader.Entry] {
        guard let entry = entries.first(where: { $0.key == name }), !entry.value.isEmpty else { return [] }
        return reader.entries(of: entry.value, at: entry.place, expected: expected)
    }

    private mutating func readKind(_ entry: PolicyReader.Entry, _ reader: PolicyReader) {
        let limits = reader.limits(entry.value, at: entry.place)
        do throws(ScopeError) {
            let kind = try ScopeKind(parsing: entry.key)
            guard kind != .global else { throw ScopeError("global is one scope, not a kind: it belongs under scopes") }
            if defaults[kind] != nil { throw ScopeError("the kind \(kind) is named twice, in another spelling") }
            try admit(kind)
            try Self.admit(limits.count)
            defaults[kind] = limits
        } catch {
            reader.report(entry.place, error.description)
        }
    }

    private mutating func readScope(_ entry: PolicyReader.Entry, _ reader: PolicyReader) {
        let limits = reader.limits(entry.value, at: entry.place)
        do throws(ScopeError) {
            let scope = try Scope(parsing: entry.key)
            if scopes[scope] != nil { throw ScopeError("the scope \(scope) is named twice, in another spelling") }
            try admit(scope.kind)
            try Self.admit(limits.count + inherited(scope, limits).count)
            scopes[scope] = limits
        } catch {
            reader.report(entry.place, error.description)
        }
    }

    private mutating func admit(_ kind: ScopeKind) throws(ScopeError) {
        guard kind.isComposite, composites.insert(kind).inserted else { return }
        guard composites.count <= Policy.maxCompositeKinds else {
            throw ScopeError("more than \(Policy.maxCompositeKinds) composite kinds in this file")
        }
    }

    private static func admit(_ limits: Int) throws(ScopeError) {
        guard limits <= Policy.maxLimitsPerScope else {
            throw ScopeError(
                "\(limits) limits with those of its kind; a scope has at most \(Policy.maxLimitsPerScope)")
        }
    }

    /// The limits of its kind that a scope with these limits of its own keeps.
    func inherited(_ scope: Scope, _ own: [PlacedLimit]) -> [PlacedLimit] {
        (defaults[scope.kind] ?? []).filter { inherited in
            !own.contains { $0.limit.meter == inherited.limit.meter && $0.limit.period == inherited.limit.period }
        }
    }
}
