import Foundation
import Testing

@testable import TollgateServer

/// The commit in the build id of an ELF file.
@Suite struct BuildIDTests {
    private static let commit = "04bfdd98ea3e5230ad34cd261c4392eb997e939e"

    private static var commitBytes: [UInt8] {
        stride(from: 0, to: 40, by: 2).map { offset in
            UInt8(commit.dropFirst(offset).prefix(2), radix: 16)!
        }
    }

    /// A note: three words, and name and description padded to four bytes.
    private func note(_ name: String, type: UInt32, _ description: [UInt8]) -> [UInt8] {
        let name = Array(name.utf8)
        let words = [UInt32(name.count), UInt32(description.count), type]
        let header = words.flatMap { word in withUnsafeBytes(of: word, Array.init) }
        let padded = [name, description].flatMap { $0 + Array(repeating: 0, count: -$0.count & 3) }
        return header + padded
    }

    private func id(in notes: [UInt8]) -> [UInt8]? {
        notes.withUnsafeBytes { BuildID.id(inNotes: $0) }
    }

    @Test("the commit is found behind other notes")
    func commitInNotes() {
        let notes =
            note("GNU\0", type: 1, [1, 2, 3, 4]) + note("stapsdt\0", type: 3, [7])
            + note("GNU\0", type: 3, Array("toll".utf8) + Self.commitBytes)
        #expect(id(in: notes).flatMap(BuildID.commit(in:)) == Self.commit)
    }

    @Test("a linker's own checksum is not a commit")
    func checksum() {
        let notes = note("GNU\0", type: 3, Self.commitBytes)
        #expect(id(in: notes) == Self.commitBytes)
        #expect(BuildID.commit(in: Self.commitBytes) == nil)
    }

    @Test("truncated notes have no build id")
    func truncated() {
        let notes = note("GNU\0", type: 3, Array("toll".utf8) + Self.commitBytes)
        for length in 0..<notes.count { #expect(id(in: Array(notes.prefix(length))) == nil) }
    }

    @Test(
        "the running program's build id is read", .enabled(if: FileManager.default.fileExists(atPath: "/proc/self/exe"))
    )
    func ofProgram() throws {
        // Swift's linker writes a checksum by default.
        #expect(try #require(BuildID.ofProgram).count >= 8)
    }
}
