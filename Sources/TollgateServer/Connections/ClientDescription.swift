import Synchronization

/// The name and library that a Redis client reports by CLIENT SETNAME, CLIENT SETINFO and HELLO. Nothing depends on it.
struct ClientDescription {
    /// The number of the connection, from 1, which no other connection of this sidecar has had.
    let id: Int64
    /// Whether the client speaks RESP3, after HELLO 3.
    var speaksRESP3 = false
    private(set) var name = ""
    private(set) var library = ""
    private(set) var libraryVersion = ""

    private static let lastID = Atomic<Int64>(0)
    /// The maximum length of a name or version in bytes.
    static let maxLength = 256

    init() {
        id = Self.lastID.add(1, ordering: .relaxed).newValue
    }

    /// Sets the name of the connection. Returns false if Redis would not accept it.
    mutating func setName(_ text: String) -> Bool {
        guard Self.isValid(text) else { return false }
        name = text
        return true
    }

    /// Sets an attribute of CLIENT SETINFO. Returns false if Redis would not accept it.
    mutating func setInfo(_ attribute: String, _ text: String) -> Bool {
        guard Self.isValid(text) else { return false }
        switch attribute.uppercased() {
        case "LIB-NAME": library = text
        case "LIB-VER": libraryVersion = text
        default: return false
        }
        return true
    }

    /// The line of CLIENT INFO and CLIENT LIST, in the format of Redis.
    func line(address: String) -> String {
        "id=\(id) addr=\(address) name=\(name) db=0 resp=\(speaksRESP3 ? 3 : 2)"
            + " lib-name=\(library) lib-ver=\(libraryVersion)"
    }

    /// Whether the text is visible ASCII without spaces, as Redis requires, and not too long.
    private static func isValid(_ text: String) -> Bool {
        text.utf8.count <= maxLength && text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    }
}
