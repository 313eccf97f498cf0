import NIOCore
package import TollgateCore
package import TollgatePolicy

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The precomputed bytes and limits of one scope, which batches and replies copy. Small, as a cache has hundreds of
/// thousands. Owned by one event loop.
@usableFromInline
package final class ScopePlan {
    package let set: LimitSet
    /// The key of the scope's hash as a RESP bulk string: `$19`, `tollgate:user:alice`. The scope's text follows if the
    /// key does not contain it, as when an id has a colon.
    @usableFromInline let bytes: [UInt8]
    private let keyCount: Int32
    /// The index of the scope's text in `bytes`.
    @usableFromInline let textStart: Int32
    @usableFromInline let textCount: Int32
    /// The partition of the scope's keys; nil without partitions.
    let partition: KeySpace.Partition?
    /// The hash of the text, for the cache.
    let hash: Int
    /// The label under which the history of other scopes counts operations on this scope: `provider=openai` in
    /// MessagePack. The number 0 if there is none.
    let label: [UInt8]
    /// Whether operations can omit the scope without any effect.
    package let isInert: Bool
    // Two flags: an option set would be merged by calls of its module, for each scope of each request.
    /// Whether the scope's limits can affect a CHECK.
    package let limitsChecks: Bool
    /// Whether the scope's limits can affect a RESERVE.
    package let limitsReservations: Bool
    /// Whether one of the scope's limits can deny a request.
    package var canDeny: Bool { self.set.limits.contains { $0.limit.mode == .enforce && $0.limit.max != nil } }
    /// Whether Redis may have data of the scope: whether it has limits or history.
    var isStored: Bool { !set.limits.isEmpty || set.history != nil }
    /// Whether the scope is `global`, which every request has.
    let isGlobal: Bool
    /// Whether the text is visible ASCII without quotes, and so needs no quoting in a reply.
    package let isPlainText: Bool

    /// Whether a request has used the scope since its last lookup (`ScopePlanCache.noteUse`).
    @exclusivity(unchecked) var isNamed = false

    /// The scope's state in the cache.
    @exclusivity(unchecked) var standing: ScopeStanding

    /// The number of the scope's kind in metrics (`OperationTally`); negative before it is first counted.
    @exclusivity(unchecked) var kindNumber: Int32 = -1

    /// The position of the scope in the batch that it was last added to, from 1.
    @exclusivity(unchecked) var batchPosition: Int32 = 0
    /// The number of that batch.
    @exclusivity(unchecked) var batchNumber = 0

    /// The kinds of scopes by which the history of other scopes is broken down.
    package static let labelledKinds: Set<String> = ["provider", "tool", "model"]
    private static let noLabel: [UInt8] = [0]

    init(scope: Scope, set: LimitSet, keySpace: KeySpace, hash: Int, standing: ScopeStanding = ScopeStanding()) {
        self.set = set
        limitsChecks = set.limitsChecks
        limitsReservations = set.limitsReservations
        self.standing = standing
        self.hash = hash
        isGlobal = scope.parts.isEmpty
        let text = scope.description
        partition = keySpace.partition(ofText: text)
        let prefix = keySpace.prefix(of: partition)
        let name = prefix + KeySpace.name(ofScope: text)
        let key = "$\(name.utf8.count)\r\n\(name)\r\n"
        let hasText = name.utf8.count == prefix.utf8.count + text.utf8.count
        bytes = Array((hasText ? key : key + text).utf8)
        keyCount = Int32(key.utf8.count)
        textCount = Int32(text.utf8.count)
        textStart = keyCount - (hasText ? textCount + 2 : 0)
        isPlainText = text.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != UInt8(ascii: "\"") }
        if scope.parts.count == 1, let part = scope.parts.first, Self.labelledKinds.contains(part.kind) {
            label = Self.packed("\(part.kind)=\(part.id)")
            isInert = false
        } else {
            label = Self.noLabel
            isInert = set.limits.isEmpty && set.history == nil
        }
    }

    /// Creates a plan of the same scope with other limits.
    init(of plan: ScopePlan, set: LimitSet) {
        self.set = set
        limitsChecks = set.limitsChecks
        limitsReservations = set.limitsReservations
        bytes = plan.bytes
        keyCount = plan.keyCount
        textStart = plan.textStart
        textCount = plan.textCount
        partition = plan.partition
        hash = plan.hash
        label = plan.label
        isInert = plan.isInert
        isGlobal = plan.isGlobal
        isPlainText = plan.isPlainText
        standing = plan.standing
    }

    /// Calls the body with the key of the scope's hash, a RESP bulk string, without a copy.
    @inline(__always)
    func withKey<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<Int(keyCount)])) }
    }

    /// Calls the body with the label, without a copy.
    @inline(__always)
    func withLabel<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result { label.withUnsafeBytes(body) }

    /// The scope's text, such as `user:alice`.
    package var text: ArraySlice<UInt8> { bytes[Int(textStart)..<Int(textStart + textCount)] }

    /// The length of the text in bytes.
    package var textLength: Int { Int(textCount) }

    /// The scope, parsed from the text. For messages and reports.
    package var scope: Scope {
        guard let scope = try? Scope(parsing: String(decoding: text, as: UTF8.self)) else {
            preconditionFailure("a scope prints what it reads")
        }
        return scope
    }

    /// Calls the body with the text, without a copy.
    @inline(__always) @inlinable
    package func withText<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        bytes.withUnsafeBytes { bytes in
            body(UnsafeRawBufferPointer(start: bytes.baseAddress! + Int(textStart), count: Int(textCount)))
        }
    }

    /// Returns whether the scope has a text. Compares eight bytes at a time, some of the last ones twice.
    @inline(__always)
    func hasText(_ other: UnsafeRawBufferPointer) -> Bool {
        guard Int(textCount) == other.count else { return false }
        return withText { text in
            let last = text.count - 8
            guard last >= 0 else { return memcmp(text.baseAddress!, other.baseAddress!, text.count) == 0 }
            var offset = 0
            while offset < last {
                guard word(of: text, at: offset) == word(of: other, at: offset) else { return false }
                offset &+= 8
            }
            return word(of: text, at: last) == word(of: other, at: last)
        }
    }

    @inline(__always)
    private func word(of text: UnsafeRawBufferPointer, at offset: Int) -> UInt64 {
        text.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }

    private static func packed(_ text: String) -> [UInt8] {
        var buffer = ByteBuffer()
        buffer.writeMessagePack(text.utf8)
        return Array(buffer.readableBytesView)
    }
}

/// The state of a scope in the cache: its settings, and how long its plan may be used. Owned by the cache's event loop.
struct ScopeStanding {
    /// The settings that administrators have made for the scope; nil if there are none, the usual case.
    var settings: SettingsBox?
    /// The tick of the cache's clock at which the settings were looked up; 0 if the plan needs a lookup before use.
    var lookedUp: UInt32 = 0
    /// Whether another lookup is due.
    var isAging = false
    /// The number of the policy that the plan was built from; 0 if the plan has to be rebuilt.
    var policyNumber: UInt32 = 0
    /// The time at which an override ends, Unix ms by Redis's clock.
    var endsAt = Int64.max
    /// Whether the limits depend on the user's traits in requests.
    var isUser = false
    /// The user's traits for which the plan was last chosen (`UserTraits.bytes`).
    var traits: [UInt8] = []
    /// Other plans of the same user, whose limits follow from other traits.
    var others: [ScopePlan] = []
}

/// The settings of a scope behind a pointer, as most of the hundreds of thousands of plans have none.
final class SettingsBox {
    let settings: ScopeSettings

    init(_ settings: ScopeSettings) {
        self.settings = settings
    }
}

extension UserTraits {
    /// Creates traits from their bytes, such as `Faculty,Staff⏎a@example.com`; empty bytes are no traits.
    init(bytes: some Collection<UInt8>) {
        let parts = bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 1, omittingEmptySubsequences: false)
        let roles = parts.first.map { String(decoding: $0, as: UTF8.self) } ?? ""
        let email = parts.count > 1 ? String(decoding: parts[1], as: UTF8.self) : ""
        self.init(
            roles: roles.split(separator: ",").map(String.init), email: email.isEmpty ? nil : email)
    }

    /// The roles and the email address as requests give them, in the format of ``init(bytes:)``.
    package var bytes: [UInt8] {
        roles.isEmpty && email == nil ? [] : Array("\(roles.joined(separator: ","))\n\(email ?? "")".utf8)
    }
}
