/// Lua modules by their paths, and the texts that Redis gets of them.
///
/// A module is a chunk that returns a table or, for an entry point, a function of KEYS and ARGV. It names the modules that it
/// needs in comment lines at its head, `-- @include lib/clock`, and has each as a local of the last component's name. An entry
/// point has the line `-- @function`, or `-- @function no-writes` where it only reads.
struct LuaModules {
    /// The texts of the modules by path, without `.lua`.
    let sources: [String: String]

    init(sources: [String: String]) {
        self.sources = sources
    }

    /// Creates the modules from texts by path, with `.lua`.
    init(files: [String: String]) {
        sources = Dictionary(uniqueKeysWithValues: files.map { (String($0.dropLast(".lua".count)), $1) })
    }

    /// The paths of all entry points, in order.
    var entries: [String] { sources.keys.filter { head($0).isEntry }.sorted() }

    /// The name that an entry point has as a function: `policy_lookup` for `policy/lookup`.
    static func functionName(_ path: String) -> String {
        String(path.map { $0.isLetter || $0.isNumber ? $0 : "_" })
    }

    /// A library of Redis functions: one function for each entry point, called `<name>_<function name>`.
    ///
    /// The top level only registers. The modules are made at the first call, and live as long as the library.
    func library(named name: String) throws(LuaModuleError) -> String {
        let functions = entries.map { path in
            let flags = head(path).isReadOnly ? "{ 'no-writes' }" : "{}"
            return "register('\(Self.functionName(path))', \(flags))\n"
        }
        let table = entries.map { "\(Self.functionName($0)) = \(Self.functionName($0))" }.joined(separator: ", ")
        return """
            #!lua name=\(name)
            local function setup()
            \(try text(of: entries))
            return { \(table) }
            end

            local functions
            local function register(name, flags)
                local function callback(keys, arguments)
                    functions = functions or setup()
                    return functions[name](keys, arguments)
                end
                redis.register_function({ function_name = '\(name)_' .. name, callback = callback, flags = flags })
            end
            \(functions.joined())
            """
    }

    /// A script that does what the entry point does, for EVALSHA.
    func script(_ entry: String) throws(LuaModuleError) -> String {
        "\(try text(of: [entry]))return \(Self.functionName(entry))(KEYS, ARGV)\n"
    }

    /// The modules as locals, each behind those that it includes.
    private func text(of entries: [String]) throws(LuaModuleError) -> String {
        var resolution = Resolution(modules: self)
        for entry in entries { try resolution.add(entry, includedBy: []) }
        return resolution.order.map(wrapped).joined()
    }

    /// A module as a local of its own, in which nothing is seen of others but what it includes.
    private func wrapped(_ path: String) -> String {
        // A module at the top of the folder has that name already.
        let locals = head(path).includes.filter { $0.contains("/") }.map { include in
            "local \(Self.localName(include)) = \(Self.functionName(include))\n"
        }
        return """
            -- \(path).lua
            local \(Self.functionName(path)) = (function()
            \(locals.joined())\(sources[path] ?? "")
            end)()

            """
    }

    private static func localName(_ path: String) -> String {
        functionName(String(path.split(separator: "/").last ?? ""))
    }

    // MARK: - What a module says of itself

    private struct Head {
        var includes: [String] = []
        var isEntry = false
        var isReadOnly = false
    }

    /// The lines of comment that a module begins with.
    private func head(_ path: String) -> Head {
        var head = Head()
        let lines = (sources[path] ?? "").split(separator: "\n", omittingEmptySubsequences: false)
        for line in lines.prefix(while: { $0.hasPrefix("--") }) {
            let words = line.split(separator: " ")
            guard words.count > 1 else { continue }
            switch words[1] {
            case "@include": head.includes += words.dropFirst(2).map(String.init)
            case "@function": (head.isEntry, head.isReadOnly) = (true, words.dropFirst(2) == ["no-writes"])
            default: break
            }
        }
        return head
    }

    /// The order of modules, in the making.
    private struct Resolution {
        let modules: LuaModules
        var order: [String] = []

        /// - Parameter path: The modules over which it is reached, the entry point first.
        mutating func add(_ module: String, includedBy path: [String]) throws(LuaModuleError) {
            guard !order.contains(module) else { return }
            guard modules.sources[module] != nil else { throw .missing(module, includedBy: path.last) }
            guard !path.contains(module) else { throw .cycle(path.drop { $0 != module } + [module]) }
            let includes = modules.head(module).includes
            for (place, include) in includes.enumerated() {
                let name = LuaModules.localName(include)
                guard !includes[..<place].contains(where: { LuaModules.localName($0) == name }) else {
                    throw .sameName(name, in: module)
                }
                try add(include, includedBy: path + [module])
            }
            order.append(module)
        }
    }
}

/// Why no text can be made of modules.
enum LuaModuleError: Error, Equatable, CustomStringConvertible {
    case missing(String, includedBy: String?)
    /// The modules that include each other; the first one again at the end.
    case cycle([String])
    /// Two modules that one includes would be the same local of it.
    case sameName(String, in: String)

    var description: String {
        switch self {
        case .missing(let path, let includer?): "lua/\(includer).lua includes \(path), but there is no lua/\(path).lua"
        case .missing(let path, nil): "there is no lua/\(path).lua"
        case .cycle(let paths): "Lua modules include each other: \(paths.joined(separator: " → "))"
        case .sameName(let name, let path): "lua/\(path).lua includes two modules that are called \(name)"
        }
    }
}
