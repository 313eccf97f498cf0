import TollgateCore

// MARK: - Tiers

extension PolicyReader {
    /// The section `tiers`: a map of ids to tiers.
    func tiers(_ entry: Entry) -> [Tier] {
        guard !entry.value.isEmpty else { return [] }
        return entries(of: entry.value, at: entry.position, expected: "a map of tiers such as basic:").map {
            entry in
            do throws(ScopeError) {
                try Tier.validate(id: entry.key)
            } catch {
                report(entry.position, error.description)
            }
            return tier(entry.value, id: entry.key, at: entry.position)
        }
    }

    /// One tier: `{ name: Premium, limits: { cost: { month: 500 } }, timezone: Europe/Berlin, reset_hour: 6 }`.
    func tier(_ node: DocumentNode, id: String, at position: Position) -> Tier {
        let keys = ["name", "description", "enabled", "limits", "timezone", "reset_hour", "billing_day"]
        let entries = entries(
            of: node, at: position, expected: "a map such as { limits: { cost: { month: 100 } } }", allowed: keys)
        var tier = Tier(id: id)
        for entry in entries {
            switch entry.key {
            case "name": tier.name = label(entry, maxLength: Tier.maxNameLength)
            case "description": tier.description = label(entry, maxLength: Tier.maxDescriptionLength)
            case "enabled": tier.isEnabled = bool(entry) ?? true
            case "limits":
                let limits = limits(entry.value, at: entry.position)
                warnings += PolicyLimits.warnings(about: limits, among: limits, self)
                warnings += PolicyLimits.warnings(about: limits, insteadOf: userDefaults, self)
                tier.limits = scopeLimits(limits, entry)
            case "timezone": tier.timeZone = timeZone(entry)
            case "reset_hour": tier.resetHour = wholeNumber(entry.value, at: entry.position, in: 0...23).map(Int.init)
            case "billing_day": tier.billingDay = wholeNumber(entry.value, at: entry.position, in: 1...31).map(Int.init)
            default: break
            }
        }
        if node.members != nil, !entries.contains(where: { $0.key == "limits" }) {
            report(position.at("limits", line: position.line), "is missing")
        }
        return tier
    }

    private func timeZone(_ entry: Entry) -> String? {
        guard let name = text(entry.value, at: entry.position, expected: "a time zone such as Europe/Berlin") else {
            return nil
        }
        do throws(CalendarError) {
            return try CalendarRules(timeZone: name).timeZone
        } catch {
            report(entry.position, error.explanation)
            return nil
        }
    }

    /// The limits of a scope, tier or override: at most `Policy.maxLimitsPerScope`.
    func scopeLimits(_ entry: Entry) -> [Limit] {
        scopeLimits(limits(entry.value, at: entry.position), entry)
    }

    private func scopeLimits(_ limits: [LocatedLimit], _ entry: Entry) -> [Limit] {
        if limits.count > Policy.maxLimitsPerScope {
            report(entry.position, "\(limits.count) limits; there may be at most \(Policy.maxLimitsPerScope)")
        }
        return limits.map(\.limit)
    }
}

// MARK: - Assignments

extension PolicyReader {
    private static let subjectKinds = ["user", "role", "email_domain", "default"]

    /// The section `assignments`: a list. Of two equal assignments the earlier one wins.
    func assignments(_ entry: Entry, tiers: Set<String>) -> [Assignment] {
        guard !entry.value.isEmpty else { return [] }
        var lines: [Assignment.Subject: Int] = [:]
        var assignments: [Assignment] = []
        let items = items(
            of: entry.value, at: entry.position, expected: "a list such as - { role: Faculty, tier: premium }")
        for (order, item) in items.enumerated() {
            guard let assignment = assignment(item.value, order: Int64(order), at: item.position) else { continue }
            if let line = lines[assignment.subject] {
                report(item.position, "\(assignment.subject.id) is assigned twice, first on line \(line)")
            }
            if !tiers.contains(assignment.tier) {
                report(item.position, "\(assignment.tier): no such tier in this file")
            }
            lines[assignment.subject] = item.position.line
            assignments.append(assignment)
        }
        return assignments
    }

    /// One assignment: `{ role: Faculty, tier: premium, priority: 200, enabled: true }`.
    private func assignment(_ node: DocumentNode, order: Int64, at position: Position) -> Assignment? {
        let entries = entries(
            of: node, at: position, expected: "a map such as { role: Faculty, tier: premium }",
            allowed: Self.subjectKinds + Self.assignmentKeys)
        let subjects = entries.filter { Self.subjectKinds.contains($0.key) }
        guard subjects.count == 1, let subject = subjects.first else {
            if node.members != nil {
                report(position, "expected exactly one of \(Self.subjectKinds.joined(separator: ", "))")
            }
            return nil
        }
        guard let subject = self.subject(subject) else { return nil }
        return assignment(of: subject, entries, order: order, at: position)
    }

    private func subject(_ entry: Entry) -> Assignment.Subject? {
        if entry.key == "default" {
            guard entry.value.plainText == "true" else {
                report(entry.position, "expected true\(found(entry.value))")
                return nil
            }
            return .everyone
        }
        guard let name = text(entry.value, at: entry.position, expected: "a name") else { return nil }
        do throws(ScopeError) {
            let subject = try Assignment.Subject(kind: entry.key, name: name).foldingCase(of: folded)
            if let warning = subject.warning { warnings.append(problem(entry.position, warning)) }
            return subject
        } catch {
            report(entry.position, error.description)
            return nil
        }
    }

    /// The keys other than the subject.
    static let assignmentKeys = ["tier", "priority", "enabled"]

    /// The assignment of a subject, from the entries other than the subject.
    func assignment(
        of subject: Assignment.Subject, _ entries: [Entry], order: Int64, at position: Position
    ) -> Assignment? {
        var assignment = Assignment(subject, tier: "", order: order)
        for entry in entries {
            switch entry.key {
            case "tier": assignment.tier = tierID(entry) ?? "?"
            case "priority":
                assignment.priority =
                    signedNumber(entry, in: Assignment.priorities).map(Int.init) ?? assignment.priority
            case "enabled": assignment.isEnabled = bool(entry) ?? true
            default: break
            }
        }
        guard !assignment.tier.isEmpty else {
            report(position.at("tier", line: position.line), "is missing")
            return nil
        }
        return assignment.tier == "?" ? nil : assignment
    }

    private func tierID(_ entry: Entry) -> String? {
        guard let id = text(entry.value, at: entry.position, expected: "the id of a tier") else { return nil }
        do throws(ScopeError) {
            try Tier.validate(id: id)
            return id
        } catch {
            report(entry.position, error.description)
            return nil
        }
    }

    private func signedNumber(_ entry: Entry, in range: ClosedRange<Int64>) -> Int64? {
        let digits = entry.value.plainText.map { $0.hasPrefix("-") ? String($0.dropFirst()) : $0 }
        guard let digits, digits.isDecimalDigits, let number = entry.value.plainText.flatMap({ Int64($0) }),
            range.contains(number)
        else {
            report(
                position(of: entry.value, at: entry.position),
                "expected a whole number from \(range.lowerBound) to \(range.upperBound)\(found(entry.value))")
            return nil
        }
        return number
    }
}
