package contract

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/techtreks/auth/internal/ratelimit"
)

const limitExtension = "x-rate-limit"

// limitsOf returns the limits of an operation. Operations without their own limits have those of
// the root, except GET operations. An empty list means no limits.
func limitsOf(doc *openapi3.T, method string, spec *openapi3.Operation) ([]ratelimit.Limit, error) {
	raw, own := spec.Extensions[limitExtension]
	if !own && method != http.MethodGet {
		raw = doc.Extensions[limitExtension]
	}
	return readLimits(raw)
}

// readLimits parses the value of the extension.
func readLimits(raw any) ([]ratelimit.Limit, error) {
	if list, ok := raw.([]any); raw == nil || ok && len(list) == 0 {
		return nil, nil
	}
	texts, err := extensionStrings(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", limitExtension, err)
	}
	limits, err := ratelimit.ParseList(texts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", limitExtension, err)
	}
	return limits, nil
}

// overrideLimits writes the limits of the operator into the document, so that the served contract
// shows the limits in force. It accepts only operations that have a limit in the contract,
// because others do not describe the 429 response.
func overrideLimits(file *ast.File, settings ratelimit.Settings) error {
	if !settings.Off && len(settings.Limits) == 0 {
		return nil
	}
	root, ok := file.Docs[0].Body.(*ast.MappingNode)
	if !ok {
		return errors.New("the document is not a mapping")
	}
	if settings.Off {
		return clearLimits(root)
	}
	standard := settings.Limits[ratelimit.Default]
	if standard != nil {
		if slices.ContainsFunc(standard, func(l ratelimit.Limit) bool { return l.Key != ratelimit.ByAddress }) {
			return errors.New("the default limits cannot count per account")
		}
		if err := setLimits(root, standard); err != nil {
			return err
		}
	}
	standard, err := limitsAt(root)
	if err != nil {
		return err
	}
	open := map[string]bool{}
	for name := range settings.Limits {
		open[name] = name != ratelimit.Default
	}
	err = eachOperation(root, func(id, method string, op *ast.MappingNode) error {
		by := settings.Limits[id]
		if by == nil {
			return nil
		}
		open[id] = false
		limits, err := limitsAt(op)
		if err != nil {
			return err
		}
		if member(op, limitExtension) == nil && !strings.EqualFold(method, http.MethodGet) {
			limits = standard
		}
		for _, l := range by {
			if len(ratelimit.Of(limits, l.Key)) == 0 {
				return fmt.Errorf("the contract has no limit of the kind of %q for %s", l, id)
			}
		}
		return setLimits(op, ratelimit.Replace(limits, by))
	})
	for name, unknown := range open {
		if unknown && err == nil {
			err = fmt.Errorf("a limit for %q, which is no operation", name)
		}
	}
	return err
}

// clearLimits removes all limits.
func clearLimits(root *ast.MappingNode) error {
	if member(root, limitExtension) != nil {
		if err := setLimits(root, nil); err != nil {
			return err
		}
	}
	return eachOperation(root, func(_, _ string, op *ast.MappingNode) error {
		if member(op, limitExtension) == nil {
			return nil
		}
		return setLimits(op, nil)
	})
}

// eachOperation calls visit for every operation in the syntax tree of a document.
func eachOperation(root *ast.MappingNode, visit func(id, method string, op *ast.MappingNode) error) error {
	paths, _ := member(root, "paths").(*ast.MappingNode)
	if paths == nil {
		return nil
	}
	for _, path := range paths.Values {
		item, _ := path.Value.(*ast.MappingNode)
		if item == nil {
			continue
		}
		for _, entry := range item.Values {
			op, _ := entry.Value.(*ast.MappingNode)
			if op == nil || member(op, "operationId") == nil {
				continue
			}
			if err := visit(member(op, "operationId").String(), entry.Key.String(), op); err != nil {
				return err
			}
		}
	}
	return nil
}

func member(m *ast.MappingNode, name string) ast.Node {
	for _, v := range m.Values {
		if v.Key.String() == name {
			return v.Value
		}
	}
	return nil
}

// limitsAt returns the limits of one node of the document.
func limitsAt(m *ast.MappingNode) ([]ratelimit.Limit, error) {
	node := member(m, limitExtension)
	if node == nil {
		return nil, nil
	}
	var raw any
	if err := yaml.NodeToValue(node, &raw); err != nil {
		return nil, err
	}
	return readLimits(raw)
}

// setLimits sets the limits of one node of the document, replacing existing ones.
func setLimits(m *ast.MappingNode, limits []ratelimit.Limit) error {
	texts := make([]string, len(limits))
	for i, l := range limits {
		texts[i] = l.String()
	}
	node, err := yaml.ValueToNode(map[string]any{limitExtension: texts}, yaml.Flow(true))
	if err != nil {
		return err
	}
	added, ok := node.(*ast.MappingNode)
	if !ok {
		return fmt.Errorf("%s: %T instead of a mapping", limitExtension, node)
	}
	for _, v := range m.Values {
		if v.Key.String() == limitExtension {
			v.Value = added.Values[0].Value
			return nil
		}
	}
	m.Merge(added)
	return nil
}
