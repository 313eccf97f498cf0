import HTTPTypes
import Testing

@testable import TollgateAdmin

@Suite("CSV")
struct CSVTableTests {
    @Test("cells with commas, quotes and line ends are quoted, and quotes are doubled")
    func quoting() {
        var table = CSVTable(["a", "b"])
        table.add(["x, y", "say \"hi\""])
        table.add(["two\r\nlines", ""])
        table.add(["\"\u{301}", "plain text"])
        #expect(
            table.text
                == "a,b\r\n\"x, y\",\"say \"\"hi\"\"\"\r\n\"two\r\nlines\",\r\n\"\"\"\u{301}\",plain text\r\n")
    }

    @Test(
        "text that a spreadsheet would read as a formula, or that begins with an apostrophe, gets an apostrophe",
        arguments: [
            ("=1+1", "'=1+1"), ("+a", "'+a"), ("-", "'-"), ("@x", "'@x"), ("\tx", "'\tx"), ("'=x", "''=x"),
            ("=\u{301}x", "'=\u{301}x"), ("a=b", "a=b"), ("", ""), ("gpt-5", "gpt-5"), (" =x", " =x"),
        ])
    func defusing(text: String, defused: String) { #expect(CSVTable.defused(text) == defused) }

    @Test(
        "CSV is selected by format, or by Accept",
        arguments: [
            (nil, nil, "json"), (nil, "*/*", "json"), (nil, "text/csv", "csv"), (nil, "TEXT/CSV; charset=utf-8", "csv"),
            (nil, "text/csv, */*;q=0.1", "csv"), (nil, "application/json, text/csv", "json"),
            (nil, "application/json;q=0.5, text/csv ; q=0.9", "csv"), (nil, "text/csv;q=0", "json"),
            (nil, "text/csvx", "json"), ("csv", "application/json", "csv"), ("json", "text/csv", "json"),
        ] as [(String?, String?, String)])
    func formats(query: String?, accept: String?, format: String) throws {
        let query = try Query(query.map { "format=\($0)" }, allowed: ["format"])
        let headers: HTTPFields = accept.map { [.accept: $0] } ?? [:]
        #expect(try ReportFormat(query, headers).rawValue == format)
    }

    @Test("another format is a bad request")
    func unknownFormat() throws {
        let query = try Query("format=xml", allowed: ["format"])
        #expect { try ReportFormat(query, [:]) } throws: { ($0 as? Problem)?.detail == "format: expected json or csv" }
    }
}
