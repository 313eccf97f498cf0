import TollgateCore
import Yams

extension PolicyReader {
    private static let subjectKinds = ["user", "role", "email_domain", "default"]

    /// The `assignments` section: a list; earlier ones come first where all else is equal.
    func assignments(_ entry: Entry, tiers: Set<String>) -> [Assignment] {
        guard !entry.value.isEmpty else { return [] }
        var lines: [Assignment.Subject: Int] = [:]
        var assignments: [Assignment] = []
        let items = items(
            of: entry.value, at: entry.place, expected: "a list such as - { role: Faculty, tier: premium }")
        for (order, item) in items.enumerated() {
            guard let assignment = assignment(item.value, order: Int64(order), at: item.place) else { continue }
            if let line = lines[assignment.subject] {
                report(item.place, "\(assignment.subject.id) is assigned twice, first on line \(line)")
            }
            if !tiers.contains(assignment.tier) { report(item.place, "\(assignment.tier): no such tier in this file") }
            lines[assignment.subject] = item.place.line
            assignments.append(assignment)
        }
        return assignments
    }

    /// `{ role: Faculty, tier: premium, priority: 200, enabled: true }`
    private func assignment(_ node: Node, order: Int64, at place: Place) -> Assignment? {
        let entries = entries(
            of: node, at: place, expected: "a map such as { role: Faculty, tier: premium }",
            allowed: Self.subjectKinds + Self.assignmentKeys)
        let subjects = entries.filter { Self.subjectKinds.contains($0.key) }
        guard subjects.count == 1, let subject = subjects.first else {
            if node.mapping != nil {
                report(place, "expected exactly one of \(Self.subjectKinds.joined(separator: ", "))")
            }
            return nil
        }
        guard let subject = self.subject(subject) else { return nil }
        return assignment(of: subject, entries, order: order, at: place)
    }

    private func subject(_ entry: Entry) -> Assignment.Subject? {
        if entry.key == "default" {
            guard entry.value.plainText == "true" else {
                report(entry.place, "expected true\(found(entry.value))")
                return nil
            }
            return .everyone
        }
        guard let name = text(entry.value, at: entry.place, expected: "a name") else { return nil }
        do throws(ScopeError) {
            return try Assignment.Subject(kind: entry.key, name: name)
        } catch {
            report(entry.place, error.description)
            return nil
        }
    }

    static let assignmentKeys = ["tier", "priority", "enabled"]

    /// What stands beside the subject.
    func assignment(
        of subject: Assignment.Subject, _ entries: [Entry], order: Int64, at place: Place
    ) -> Assignment? {
        var assignment = Assignment(subject, tier: "", order: order)
        for entry in entries {
            switch entry.key {
            case "tier": assignment.tier = tierID(entry) ?? "?"
            case "priority":
                assignment.priority =
                    signedNumber(entry, in: Assignment.priorities).map(Int.init) ?? assignment.priority
            case "enabled": assignment.isEnabled = truth(entry) ?? true
            default: break
            }
        }
        guard !assignment.tier.isEmpty else {
            report(place.at("tier", line: place.line), "is missing")
            return nil
        }
        return assignment.tier == "?" ? nil : assignment
    }

    private func tierID(_ entry: Entry) -> String? {
        guard let id = text(entry.value, at: entry.place, expected: "the id of a tier") else { return nil }
        do throws(ScopeError) {
            try Tier.validate(id: id)
            return id
        } catch {
            report(entry.place, error.description)
            return nil
        }
    }

    private func signedNumber(_ entry: Entry, in range: ClosedRange<Int64>) -> Int64? {
        let digits = entry.value.plainText.map { $0.hasPrefix("-") ? String($0.dropFirst()) : $0 }
        guard let digits, digits.isDecimalDigits, let number = entry.value.plainText.flatMap({ Int64($0) }),
            range.contains(number)
        else {
            report(
                place(of: entry.value, at: entry.place),
                "expected a whole number from \(range.lowerBound) to \(range.upperBound)\(found(entry.value))")
            return nil
        }
        return number
    }
}
