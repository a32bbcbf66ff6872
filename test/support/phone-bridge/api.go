package main

import (
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strings"
)

const maxFormBytes = 16 << 10

// api is the part of the carriers' REST APIs that ends a call.
func (b *Bridge) api() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2010-04-01/Accounts/{account}/Calls/{call}", func(w http.ResponseWriter, r *http.Request) {
		id, isJSON := strings.CutSuffix(r.PathValue("call"), ".json")
		r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
		switch {
		case !b.isAuthorized(r):
			answer(w, 401, map[string]any{"code": 20003, "message": "Authenticate", "status": 401})
		case !isJSON || r.PostFormValue("Status") != "completed":
			answer(w, 400, map[string]any{"code": 20001, "message": "This API only has Status=completed", "status": 400})
		case !b.hangUp(id):
			answer(w, 404, map[string]any{"code": 20404, "message": "The requested resource was not found", "status": 404})
		default:
			answer(w, 200, map[string]any{"sid": id, "status": "completed"})
		}
	})
	mux.HandleFunc("DELETE /v1/Account/{account}/Call/{call}/{$}", func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !b.isAuthorized(r):
			w.WriteHeader(401)
		case !b.hangUp(r.PathValue("call")):
			answer(w, 404, map[string]any{"error": "call not found"})
		default:
			w.WriteHeader(204)
		}
	})
	return mux
}

func (b *Bridge) isAuthorized(r *http.Request) bool {
	if b.token == "" {
		return true
	}
	user, password, _ := r.BasicAuth()
	return r.PathValue("account") == b.account && user == b.account &&
		subtle.ConstantTimeCompare([]byte(password), []byte(b.token)) == 1
}

func answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("content-type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
