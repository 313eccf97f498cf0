import Foundation

/// The build id of an ELF file. `scripts/build` makes the linker write the commit there: it costs no compilation, and
/// strip keeps it.
enum BuildID {
    /// The bytes before the commit, which tell it from the checksum that linkers write of their own accord.
    private static let prefix = Array("toll".utf8)
    private static let commitLength = 20

    /// The build id of the running program; nil if it has none, or is not a 64-bit ELF file.
    static var ofProgram: [UInt8]? {
        guard let file = FileHandle(forReadingAtPath: "/proc/self/exe"),
            let start = try? file.read(upToCount: 64 * 1_024)
        else { return nil }
        return start.withUnsafeBytes { id(inFile: $0) }
    }

    /// The commit in a build id, as hexadecimal digits; nil if it contains none.
    static func commit(in id: [UInt8]) -> String? {
        guard id.count == prefix.count + commitLength, id.starts(with: prefix) else { return nil }
        return id.dropFirst(prefix.count).map { byte in
            String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
        }.joined()
    }

    /// Finds the build id in the first bytes of a file: the program headers, which follow the ELF header, say where the
    /// notes are.
    private static func id(inFile file: UnsafeRawBufferPointer) -> [UInt8]? {
        guard file.count >= 64, file.starts(with: [0x7F, 0x45, 0x4C, 0x46, 2, 1]) else { return nil }
        let headers = Int(truncatingIfNeeded: file.loadUnaligned(fromByteOffset: 32, as: UInt64.self))
        let count = Int(file.loadUnaligned(fromByteOffset: 56, as: UInt16.self))
        for index in 0..<count {
            let header = headers + index * 56
            guard (0...file.count - 56).contains(header) else { return nil }
            // Type 4 are notes.
            guard file.loadUnaligned(fromByteOffset: header, as: UInt32.self) == 4 else { continue }
            let offset = Int(truncatingIfNeeded: file.loadUnaligned(fromByteOffset: header + 8, as: UInt64.self))
            let length = Int(truncatingIfNeeded: file.loadUnaligned(fromByteOffset: header + 32, as: UInt64.self))
            guard (0...file.count).contains(offset), (0...file.count - offset).contains(length) else { continue }
            let notes = UnsafeRawBufferPointer(rebasing: file[offset..<offset + length])
            if let id = self.id(inNotes: notes) { return id }
        }
        return nil
    }

    /// Finds the build id in the notes of a file: the description of the note `GNU` of type 3. Each note has three
    /// words, the lengths of name and description and the type, and then both, padded to four bytes.
    static func id(inNotes notes: UnsafeRawBufferPointer) -> [UInt8]? {
        var offset = 0
        while offset + 12 <= notes.count {
            let word = { Int(notes.loadUnaligned(fromByteOffset: offset + 4 * $0, as: UInt32.self)) }
            let name = offset + 12..<offset + 12 + word(0)
            let start = name.lowerBound + padded(word(0))
            let description = start..<start + word(1)
            guard name.upperBound <= notes.count, description.upperBound <= notes.count else { return nil }
            if word(2) == 3, notes[name].elementsEqual("GNU\0".utf8) { return Array(notes[description]) }
            offset = start + padded(word(1))
        }
        return nil
    }

    private static func padded(_ length: Int) -> Int { (length + 3) & ~3 }
}
