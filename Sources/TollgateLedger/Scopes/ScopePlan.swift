import NIOCore
package import TollgateCore

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// All that a batch and a reply need of one scope, ready to be copied. Small, as hundreds of thousands are kept. Owned by one
/// event loop.
@usableFromInline
package final class ScopePlan {
    package let set: LimitSet
    /// The key of the scope's hash as a RESP bulk string: `$19`, `tollgate:user:alice`. Behind it the scope's text where that is not a
    /// part of the key, as an id has a colon.
    @usableFromInline let bytes: [UInt8]
    private let keyCount: Int32
    /// The index of the scope's text in `bytes`.
    @usableFromInline let textStart: Int32
    @usableFromInline let textCount: Int32
    /// Of its keys; nil without partitions.
    let partition: KeySpace.Partition?
    /// Of the text, for the cache.
    let hash: Int
    /// `provider=openai` in MessagePack, under which other scopes' history counts what this one had a part in; the number 0 if
    /// none.
    let label: [UInt8]
    /// Whether leaving the scope out of an operation changes nothing.
    package let isInert: Bool
    /// Whether there may be anything of it in Redis: whether it has limits or history.
    var isStored: Bool { !set.limits.isEmpty || set.history != nil }
    /// Whether it is the scope that every request has.
    let isGlobal: Bool
    /// Whether the text is nothing but visible ASCII without quotes, and so needs none in a reply.
    package let isPlainText: Bool

    /// What the cache knows of the scope beside its limits.
    @exclusivity(unchecked) var standing: ScopeStanding

    /// The place in the batch that this scope was last put into, from 1.
    @exclusivity(unchecked) var batchPlace: Int32 = 0
    /// That batch.
    @exclusivity(unchecked) var batchNumber = 0

    /// Kinds by which the history of other scopes is split.
    package static let labelledKinds: Set<String> = ["provider", "tool", "model"]
    private static let noLabel: [UInt8] = [0]

    init(scope: Scope, set: LimitSet, keySpace: KeySpace, hash: Int, standing: ScopeStanding = ScopeStanding()) {
        self.set = set
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

    /// The same scope with other limits.
    init(of plan: ScopePlan, set: LimitSet) {
        self.set = set
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

    /// Lends the key of the scope's hash, a RESP bulk string, without a copy.
    @inline(__always)
    func withKey<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<Int(keyCount)])) }
    }

    /// Lends the label without a copy.
    @inline(__always)
    func withLabel<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result { label.withUnsafeBytes(body) }

    /// `user:alice`
    package var text: ArraySlice<UInt8> { bytes[Int(textStart)..<Int(textStart + textCount)] }

    /// In bytes.
    package var textLength: Int { Int(textCount) }

    /// Read from the text: for messages and reports.
    package var scope: Scope {
        guard let scope = try? Scope(parsing: String(decoding: text, as: UTF8.self)) else {
            preconditionFailure("a scope prints what it reads")
        }
        return scope
    }

    /// Lends the text without a copy.
    @inline(__always) @inlinable
    package func withText<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        bytes.withUnsafeBytes { bytes in
            body(UnsafeRawBufferPointer(start: bytes.baseAddress! + Int(textStart), count: Int(textCount)))
        }
    }

    /// Whether it is the plan of the scope with that text. Compares eight bytes at a time, the last of them perhaps twice.
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
