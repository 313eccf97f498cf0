import HTTPTypes
import TollgateLedger
import TollgateStores

/// Versions as ETags, such as `"7"`.
enum ETag {
    static func text(_ version: Int64) -> String { "\"\(version)\"" }

    /// Parses an ETag. Returns nil if it is not one of this API.
    static func version(_ text: String) -> Int64? {
        guard text.utf8.count >= 3, text.hasPrefix("\""), text.hasSuffix("\"") else { return nil }
        let digits = text.dropFirst().dropLast()
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int64(digits)
    }
}

/// The precondition of a change, from If-Match and If-None-Match.
enum EditCondition: Equatable {
    /// Neither header: the resource must not exist.
    case unstated
    /// `If-None-Match: *` or `If-Match: "0"`: the resource must not exist.
    case absent
    /// `If-Match: "7"`: the resource must have this version.
    case version(Int64)
    /// `If-Match: *`: the resource must exist.
    case present

    init(_ headers: HTTPFields) throws(Problem) {
        switch (headers[.ifMatch], headers[.ifNoneMatch]) {
        case (nil, nil): self = .unstated
        case (nil, "*"): self = .absent
        case ("*", nil): self = .present
        case (let tag?, nil):
            guard let version = ETag.version(tag) else {
                throw .badRequest(#"If-Match: expected * or one ETag such as "7""#)
            }
            self = version == 0 ? .absent : .version(version)
        case (nil, .some): throw .badRequest("If-None-Match: expected *")
        case (.some, .some): throw .badRequest("expected only one of If-Match and If-None-Match")
        }
    }

    var precondition: Precondition {
        switch self {
        case .unstated, .absent: .absent
        case .version(let version): .version(version)
        case .present: .any
        }
    }

    /// Converts an error of the store into a problem, given this precondition.
    func problem(_ error: StoreError) -> Problem {
        var problem = Problem(store: error)
        if self == .unstated, case .exists = error {
            problem.code = .preconditionRequired
            problem.detail += "; send it in If-Match"
        }
        return problem
    }
}
