import TollgateCore

/// The settings that list kinds of scopes.
extension PolicyReader {
    /// The value of `history`: single kinds, and `global`.
    func history(_ entry: Entry) -> Set<String>? {
        kinds(entry, example: "[user, tool]") { kind throws(ScopeError) in
            guard kind != ScopeKind.global.description else { return }
            guard !kind.contains("+") else { throw ScopeError("\(kind): history is kept for single kinds only") }
            try ScopeKind.validate(kind)
            try self.rejectTypo(kind)
        }
    }

    /// The value of `kinds`: kinds that requests may name.
    func kinds(_ entry: Entry) -> Set<String>? {
        kinds(entry, example: "[run, session]") { kind throws(ScopeError) in
            guard !kind.contains("+") else {
                throw ScopeError("\(kind): expected single kinds; requests join them by themselves")
            }
            try ScopeKind.validate(kind)
        }
    }

    /// The value of `fold_case`: kinds whose ids are compared in lower case.
    func foldedKinds(_ entry: Entry) -> Set<String>? {
        kinds(entry, example: "[user]") { kind throws(ScopeError) in
            guard !kind.contains("+") else { throw ScopeError("\(kind): expected single kinds such as user") }
            try ScopeKind.validate(kind)
            try self.rejectTypo(kind)
        }
    }

    /// Throws for a kind that is nearly a usual one and is not under `kinds:`.
    func rejectTypo(_ kind: String) throws(ScopeError) {
        guard !ScopeKind.usual.contains(kind), !namedKinds.contains(kind),
            let nearest = nearestWord(to: kind, among: ScopeKind.usual)
        else { return }
        throw ScopeError("\(kind): did you mean \(nearest)? (if \(kind) is meant, add it to kinds:)")
    }

    private func kinds(
        _ entry: Entry, example: String, check: (String) throws(ScopeError) -> Void
    ) -> Set<String>? {
        var kinds: Set<String> = []
        for item in items(of: entry.value, at: entry.position, expected: "a list of kinds such as \(example)") {
            guard let kind = text(item.value, at: item.position, expected: "a kind such as user") else { continue }
            do throws(ScopeError) {
                guard !kinds.contains(kind) else { throw ScopeError("duplicate kind \(kind)") }
                try check(kind)
                kinds.insert(kind)
            } catch {
                report(item.position, error.description)
            }
        }
        return entry.value.items == nil ? nil : kinds
    }
}
