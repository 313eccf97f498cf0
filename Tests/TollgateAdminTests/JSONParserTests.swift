import Foundation
import Testing
import TollgateCore
import TollgateWire

@testable import TollgateAdmin

@Suite("JSON")
struct JSONParserTests {
    private func parse(_ text: String) -> JSONValue? { try? JSONValue(parsing: Data(text.utf8)) }

    @Test("values keep the precision of their text")
    func values() {
        #expect(
            parse(" {\"a\" : [1, -2, 0.25, 1.0, 1e3, true, false, null], \"\" : \"x\"}\r\n\t")
                == .object([
                    "a": .array([
                        .integer(1), .integer(-2), .decimal(Decimal(string: "0.25")!), .integer(1), .integer(1_000),
                        .bool(true),
                        .bool(false), .null,
                    ]),
                    "": .string("x"),
                ]))
        #expect(parse(#""\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00é😀""#) == .string("\"\\/\u{8}\u{c}\n\r\té😀é😀"))
        #expect(parse("9223372036854775807") == .integer(.max))
        #expect(parse("0.000000001") == .decimal(Decimal(string: "0.000000001")!))
        #expect(parse("{}") == .object([:]))
        #expect(parse("[]") == .array([]))
        #expect(parse(String(repeating: "[", count: 32) + "1" + String(repeating: "]", count: 32)) != nil)
    }

    @Test(
        "invalid JSON is rejected",
        arguments: [
            "", " ", "{", "}", "[1,]", "[,1]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{'a':1}",
            "{1:2}",
            "{\"a\":1,\"a\":2}", "nul", "True", "nulll", "01", "-", "+1", ".5", "1.", "1e", "1e+", "0x1", "1_0", "NaN",
            "Infinity", "--1", "1 1", "\"", "\"\n\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\ud800\"",
            "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\\u+123\"", "[1]]", "\u{FEFF}1", "1e999", "/* */1", "1//",
            String(repeating: "[", count: 40) + String(repeating: "]", count: 40), String(repeating: "1", count: 100),
        ])
    func faults(text: String) {
        #expect(parse(text) == nil)
    }

    @Test(
        "an error says what is wrong, and at which byte",
        arguments: [
            ("", "is empty; expected JSON"), (" \n", "is empty; expected JSON"),
            ("{\"a\":1,}", "is not valid JSON: expected a key in double quotes at byte 8"),
            ("{\"a\" 1}", "is not valid JSON: expected a colon at byte 6"),
            ("{\"a\":1 \"b\":2}", "is not valid JSON: expected , or } at byte 8"),
            ("[1 2]", "is not valid JSON: expected , or ] at byte 4"),
            ("{\"a\":}", "is not valid JSON: expected a value at byte 6"),
            ("{\"a\":nul}", "is not valid JSON: expected a value at byte 6"),
            ("{\"a\":1", "is cut off: expected , or } at byte 7"),
            ("{\"é\":\"x", "is cut off: expected a closing quote at byte 9"),
            ("{\"a\":01}", "is not valid JSON: expected a number without leading zeros at byte 6"),
            ("{} {}", "is not valid JSON: expected the end at byte 4"),
            ("{\"a\":1,\"a\":2}", "has the key \"a\" twice at byte 8"),
            (String(repeating: "[", count: 40), "is nested more than 32 levels deep at byte 34"),
        ])
    func sentences(text: String, sentence: String) {
        let fault = #expect(throws: JSONParser.Fault.self) { try JSONValue(parsing: Data(text.utf8)) }
        #expect(fault?.description == sentence)
    }

    @Test("an error about bytes that are not UTF-8 names the first one")
    func invalidByte() {
        let fault = #expect(throws: JSONParser.Fault.self) {
            try JSONValue(parsing: Data([0x22, 0xc3, 0xa9, 0xff, 0x22]))
        }
        #expect(fault?.description == "is not UTF-8 text: invalid at byte 4")
    }

    @Test("bytes that are not UTF-8 are rejected")
    func bytes() {
        for bytes: [UInt8] in [[0x22, 0xff, 0x22], [0x22, 0xc3, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22], [0xff]] {
            #expect((try? JSONValue(parsing: Data(bytes))) == nil)
        }
    }

    @Test(
        "encoded values are parsed as the same values, as by Foundation", arguments: [UInt64(1), 2, 3])
    func roundTrips(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            let value = Self.random(depth: 4, &random)
            let data = try JSONEncoder().encode([value])
            #expect(
                try JSONValue(parsing: data) == .array([value]),
                "seed \(seed): \(String(decoding: data, as: UTF8.self))")
            #expect(try JSONDecoder().decode(JSONValue.self, from: data) == .array([value]), "seed \(seed)")
        }
    }

    private static func random(depth: Int, _ random: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0..<(depth == 0 ? 5 : 7), using: &random) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &random))
        case 2: return .integer(Int64.random(in: -1_000_000_000...1_000_000_000, using: &random))
        case 3: return .decimal(Decimal(Int.random(in: -999_999...999_999, using: &random) * 10 + 1) / 1_000)
        case 4: return .string(text(&random))
        case 5:
            return .array(
                (0..<Int.random(in: 0..<4, using: &random)).map { _ in Self.random(depth: depth - 1, &random) })
        default:
            let pairs = (0..<Int.random(in: 0..<4, using: &random)).map { _ in
                (text(&random), Self.random(depth: depth - 1, &random))
            }
            return .object(Dictionary(pairs) { first, _ in first })
        }
    }

    private static func text(_ random: inout SeededGenerator) -> String {
        let scalars = (0..<Int.random(in: 0..<8, using: &random)).compactMap { _ in
            Unicode.Scalar(UInt32.random(in: 0..<(Bool.random(using: &random) ? 0x80 : 0x1_1000), using: &random))
        }
        return String(String.UnicodeScalarView(scalars))
    }
}
