"""What a server's tool answered, as the text that goes back to the model. Pure."""

from typing import TYPE_CHECKING

from workers.tools.results import as_text, cut

if TYPE_CHECKING:
    from mcp import types


def told(result: "types.CallToolResult") -> str:
    """Its texts; where it has none, its structured content as JSON. What is no text is named, not shown."""
    parts = [_part(block) for block in result.content]
    if result.structured_content is not None and not any(block.type == "text" for block in result.content):
        parts.append(as_text(result.structured_content))
    text = "\n".join(part for part in parts if part) or "(no content)"
    return cut(f"error: {text}" if result.is_error else text)


def _part(block: "types.ContentBlock") -> str:
    match block.type:
        case "text":
            return block.text
        case "image" | "audio":
            return f"[{block.type}, {block.mime_type}, {_size(block.data)} bytes: not shown]"
        case "resource_link":
            return f"[resource {block.name}: {block.uri}]"
        case "resource":
            resource = block.resource
            if hasattr(resource, "text"):
                return resource.text
            kind = resource.mime_type or "of an unknown type"
            return f"[resource {resource.uri}, {kind}, {_size(resource.blob)} bytes: not shown]"


def _size(base64: str) -> int:
    return len(base64) * 3 // 4 - base64[-2:].count("=")
